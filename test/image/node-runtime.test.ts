import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { nodeArchive, nodeRuntime } from '../../image/node-runtime.js';

const archive = `${nodeRuntime.name}-${nodeRuntime.version}.tgz`;

/** A cache, and an npm that runs the given script. The real one fetches 50 MB: `npm run check:board` does. */
function machine(t: TestContext, npm?: string) {
  const folder = mkdtempSync(join(tmpdir(), 'fleetune-node-'));
  const { PATH } = process.env;
  t.after(() => {
    process.env.PATH = PATH;
    rmSync(folder, { recursive: true });
  });
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'cache'));
  if (npm !== undefined) writeFileSync(join(folder, 'bin/npm'), `#!/bin/sh\n${npm}\n`, { mode: 0o755 });
  process.env.PATH = npm === undefined ? join(folder, 'bin') : `${join(folder, 'bin')}${delimiter}${PATH}`;
  return join(folder, 'cache');
}

test('without a network and without an earlier build it is said what to put where', async (t) => {
  const cache = machine(t, 'echo "npm error code ECONNREFUSED" >&2; exit 1');
  await assert.rejects(
    nodeArchive(cache, () => {}),
    {
      name: 'Refusal',
      message: new RegExp(
        `can't fetch ${nodeRuntime.name}@.*ECONNREFUSED.*run "npm pack ${nodeRuntime.name}@.* put ${archive} into ${cache}`,
      ),
    },
  );
  assert.deepEqual(readdirSync(cache), []);
});

test('other bytes than those of the known hash are refused, and not kept', async (t) => {
  const cache = machine(t, `echo other > ${archive}`);
  await assert.rejects(
    nodeArchive(cache, () => {}),
    /has the hash sha512-.*, expected sha512-/,
  );
  assert.deepEqual(readdirSync(cache), []);
});

test('an archive that was damaged since is fetched again', async (t) => {
  const cache = machine(t, 'exit 1');
  writeFileSync(join(cache, archive), 'cut short');
  const steps: string[] = [];
  await assert.rejects(
    nodeArchive(cache, (step) => void steps.push(step)),
    /can't fetch/,
  );
  assert.match(steps[0]!, /is damaged: fetching it again/);
  assert.equal(existsSync(join(cache, archive)), false);
});

test('a machine without npm is told so', async (t) => {
  const cache = machine(t);
  await assert.rejects(
    nodeArchive(cache, () => {}),
    /npm is missing, which an image is made with/,
  );
});
