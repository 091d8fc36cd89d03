import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Forked, forkService } from '../../bench/forked.js';
import { builtinModel } from '../../cli/builtin-model.js';
import { entry, fleetune } from './command.js';

const folder = mkdtempSync(join(tmpdir(), 'fleetune-health-'));
const started: Forked[] = [];
after(async () => {
  await Promise.all(started.map(({ end }) => end()));
  rmSync(folder, { recursive: true });
});
const socketOf = (name: string) => join(folder, `${name}.sock`);
const health = (name: string) => fleetune(['health', '--health-socket', socketOf(name), '--timeout-s', '10']);

async function service(name: string, argv: readonly string[]) {
  const forked = await forkService(entry, [name, '--health-socket', socketOf(name), ...argv]);
  started.push(forked);
  return forked;
}

test('each service says what it looks at, and is not well without its broker', async () => {
  const dialogue = { dialogue: 'A: it is cold. B: I mend it.', summary: 'B mends it.' };
  writeFileSync(join(folder, 'shard.jsonl'), `${JSON.stringify(dialogue)}\n`);
  const broker = await service('broker', ['--port', '0', '--ws-port', '-1']);
  const { port } = broker.ready;
  const at = ['--broker', `mqtt://127.0.0.1:${port}`];
  const data = ['--model', builtinModel, '--data', join(folder, 'shard.jsonl')];
  await service('coordinator', [...at, '--runs', join(folder, 'runs')]);
  await service('device', [...at, '--state', join(folder, 'state'), ...data, '--id', 'a']);
  const asked = await Promise.all(['broker', 'coordinator', 'device'].map(health));
  assert.deepEqual(
    asked.map(({ code }) => code),
    [0, 0, 0],
    JSON.stringify(asked),
  );
  assert.equal(asked[0]!.out, `ok   mqtt: port ${port} takes connections\n`);
  assert.match(asked[1]!.out, /^ok {3}broker: connected\nok {3}runs folder: marked \d+ s ago\n$/);
  assert.equal(asked[2]!.out, 'ok   broker: connected\nok   tasks: it can take one\n');
  await broker.end();
  const [none, ...lost] = await Promise.all(['broker', 'coordinator', 'device'].map(health));
  assert.equal(none!.code, 1);
  assert.match(none!.err, /no service answers at/);
  for (const { code, out } of lost) {
    assert.equal(code, 1);
    assert.match(out, /^NOT {2}broker: not connected/);
  }
});

test('without a socket the command says what it needs', async () => {
  const { code, err } = await fleetune(['health']);
  assert.equal(code, 1);
  assert.match(err, /--health-socket: expected the one that the service was started with/);
});
