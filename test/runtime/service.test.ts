import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'fleetune-service-'));
after(() => rmSync(folder, { recursive: true }));
const moduleOf = (name: string) => JSON.stringify(new URL(`../../${name}.js`, import.meta.url).href);

/**
 * A real process that runs a service whose start has the given body; what it printed to standard error and
 * how it ended.
 */
function run(name: string, body: string) {
  const path = join(folder, `${name}.mjs`);
  writeFileSync(
    path,
    `import { runService } from ${moduleOf('runtime/service')};
     import { Refusal } from ${moduleOf('schemas/refusal')};
     await runService(async () => { ${body} });`,
  );
  const child: ChildProcess = fork(path, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let stderr = '';
  child.stderr!.on('data', (piece) => {
    stderr += piece;
  });
  // A child whose IPC was closed from here never says 'close'.
  const ended = Promise.all([once(child, 'exit'), once(child.stderr!, 'close')]).then(([[code, signal]]) => ({
    code,
    signal,
    stderr,
  }));
  return { child, ended };
}

const living = `const timer = setInterval(() => {}, 1000);
  process.send('ready');
  return { stop: async () => { clearInterval(timer); process.stderr.write('stopped'); } };`;

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} stops a service and ends its process well`, async () => {
    const { child, ended } = run(signal, living);
    await once(child, 'message');
    child.kill(signal);
    assert.deepEqual(await ended, { code: 0, signal: null, stderr: 'stopped' });
  });
}

const stubborn = `const timer = setInterval(() => {}, 1000);
  process.send('ready');
  return { stop: () => { process.send('stopping'); return new Promise(() => {}); } };`;

test('a second signal ends a service at once; one Ctrl-C that comes twice is one signal', async () => {
  const { child, ended } = run('second', stubborn);
  await once(child, 'message');
  child.kill('SIGINT');
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'message').then(([said]) => said), 'stopping');
  const again = setInterval(() => child.kill('SIGTERM'), 50);
  const { code } = await ended;
  clearInterval(again);
  assert.equal(code, 128 + 15);
});

test('a service lives on where nobody reads its log any more', async () => {
  const { child, ended } = run(
    'unread',
    `process.on('message', () => process.stderr.write('x', () => process.send('wrote'))); ${living}`,
  );
  await once(child, 'message');
  child.stderr!.destroy();
  child.send('write');
  await once(child, 'message');
  child.kill('SIGTERM');
  assert.equal((await ended).code, 0);
});

test('a service stops when whoever started it is gone', async () => {
  const { child, ended } = run('orphan', living);
  await once(child, 'message');
  child.disconnect();
  assert.deepEqual(await ended, { code: 0, signal: null, stderr: 'stopped' });
});

test('a refusal is told in its own words, without a stack, and the exit code is 1', async () => {
  const { ended } = run(
    'refusal',
    `throw new Refusal('port 1 is taken', { cause: new Error('EADDRINUSE') });`,
  );
  assert.deepEqual(await ended, { code: 1, signal: null, stderr: 'fleetune: port 1 is taken: EADDRINUSE\n' });
});

test('a mistake of ours ends the process with its stack, at its start and later', async () => {
  const late = `setTimeout(() => { Promise.reject(new Error('odd')); }); ${living}`;
  for (const [name, body] of [
    ['early', `throw new Error('odd');`],
    ['late', late],
  ] as const) {
    const { code, stderr } = await run(name, body).ended;
    assert.equal(code, 70);
    assert.match(stderr, /^fleetune: unexpected: Error: odd\n +at /);
  }
});
