import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fleetune } from './command.js';

const folder = mkdtempSync(join(tmpdir(), 'fleetune-image-'));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);
const insecure = ['--insecure', '--broker', 'mqtt://server:1883'];
const image = (...argv: string[]) => fleetune(['image', ...argv, '--out', at('out'), '--cache', at('cache')]);

/** The image is refused, in words like these, and nothing is written. */
async function refused(argv: string[], words: RegExp): Promise<void> {
  const { code, out, err } = await image(...argv);
  assert.match(err, words);
  assert.equal(code, 1);
  assert.equal(out, '');
}

test('an image needs an id that a topic takes', async () => {
  await refused([...insecure], /needs the ID of a board/);
  await refused(['../barn', ...insecure], /"\.\.\/barn" is no id of a board: expected up to 64 letters/);
  await refused(['barn 1', ...insecure], /is no id of a board/);
  await refused(['a'.repeat(65), ...insecure], /is no id of a board/);
});

test('an image says who its board is, in one way', async () => {
  await refused(['barn'], /who is the board\? Give one of --claim FILE .* --bundle FOLDER .* --insecure/);
  await refused(['barn', '--insecure', '--claim', 'x'], /who is the board\?/);
  await refused(['barn', '--insecure'], /--insecure needs the address of the broker/);
  await refused(['barn', '--claim', at('nothing')], /nothing \(--claim\) can't be read \(ENOENT\)/);
  writeFileSync(at('word'), 'a word\n');
  await refused(['barn', '--claim', at('word')], /not a claim token/);
});

test('a claim or bundle of another board is refused', async () => {
  const ca = at('ca');
  assert.equal((await fleetune(['ca', 'init', '--ca', ca])).code, 0);
  const authority = ['--authority', 'https://server.example:8884'];
  await fleetune(['claim', 'barn', '--ca', ca, ...authority, '--out', at('claim')]);
  await refused(['stable', '--claim', at('claim')], /claim \(--claim\) is a claim to be barn, not stable/);
  await fleetune(['provision', 'barn', '--ca', ca, '--role', 'device', '--out', at('barn')]);
  await refused(
    ['stable', '--bundle', at('barn')],
    /barn \(--bundle\) is of device barn, not of device stable/,
  );
  await fleetune(['provision', 'boss', '--ca', ca, '--role', 'operator', '--out', at('boss')]);
  await refused(
    ['boss', '--bundle', at('boss')],
    /boss \(--bundle\) is of operator boss, not of device boss/,
  );
  mkdirSync(at('empty'));
  await refused(['barn', '--bundle', at('empty')], /\(--bundle\) holds neither tls\.crt nor ca\.crt/);
});

test('a model, texts and settings that a board could not use are refused here', async () => {
  await refused(['barn', ...insecure, '--model', at('none')], /none \(--model\) can't be used: /);
  await refused(['barn', ...insecure, '--model', 'a', '--model-from', 'b'], /give one of them/);
  await refused(
    ['barn', ...insecure, '--model-from', './x'],
    /a folder of the board is expected, from \/ on/,
  );
  await refused(
    ['barn', ...insecure, '--model-from', 'a/b', '--model-sums', 'x'],
    /the hub has its own hashes/,
  );
  writeFileSync(at('sums'), 'not sums\n');
  await refused(
    ['barn', ...insecure, '--model-from', '/media/x', '--model-sums', at('sums')],
    /not a line of sha256sum/,
  );
  await refused(['barn', ...insecure, '--data', at('none.jsonl')], /none\.jsonl \(--data\) is no file/);
  writeFileSync(at('more.yaml'), 'treads: 2\ntelemetryS: never\n');
  await refused(['barn', ...insecure, '--settings', at('more.yaml')], /treads: no such setting/);
  await refused(
    ['barn', ...insecure, '--formats', 'deb,iso'],
    /--formats: iso is none of deb, overlay, cloud-init/,
  );
  await refused(['barn', ...insecure, '--cpu-percent', '0'], /cpu-percent: .* from 1 to 100/);
});

test('a folder that is no image is not replaced', async () => {
  mkdirSync(join(at('out'), 'garden'), { recursive: true });
  await refused(['garden', ...insecure], /garden is there and is no image: give another folder/);
});
