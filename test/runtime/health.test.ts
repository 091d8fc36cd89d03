import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { accepts, answerHealth, askHealth, type Check } from '../../runtime/health.js';
import { withHealth } from '../../runtime/service.js';
import { Refusal } from '../../schemas/refusal.js';

const folder = mkdtempSync(join(tmpdir(), 'fleetune-health-'));
after(() => rmSync(folder, { recursive: true }));
const socketOf = (name: string) => join(folder, `${name}.sock`);
const well: Check[] = [{ name: 'broker', ok: true, detail: 'connected' }];

test('a service answers with what it looks at, as long as it lives', async () => {
  const socket = socketOf('lives');
  const stopped: string[] = [];
  const service = await withHealth(socket, {
    health: async () => well,
    stop: async () => void stopped.push('yes'),
  });
  assert.deepEqual(await askHealth(socket, 5_000), well);
  await service.stop();
  assert.deepEqual(stopped, ['yes']);
  assert.equal(existsSync(socket), false);
  await assert.rejects(askHealth(socket, 5_000), /no service answers at .*ENOENT/);
});

test('a check that throws is a service that is not well', async () => {
  const answers = await answerHealth(socketOf('throws'), () => Promise.reject(new Error('disk gone')));
  assert.deepEqual(await askHealth(socketOf('throws'), 5_000), [
    { name: 'checks', ok: false, detail: 'disk gone' },
  ]);
  answers.stop();
});

test('a service that hangs is told from one that answers', async () => {
  const answers = await answerHealth(socketOf('hangs'), () => new Promise(() => undefined));
  await assert.rejects(askHealth(socketOf('hangs'), 50), /it was silent for 0.05 s/);
  answers.stop();
});

test('the socket that a killed process left is taken over, one in use is refused', async () => {
  const socket = socketOf('left');
  const { execFileSync } = await import('node:child_process');
  const leave = `require('net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 9))`;
  assert.throws(() => execFileSync(process.execPath, ['-e', leave], { stdio: 'ignore' }));
  assert.ok(existsSync(socket));
  const answers = await answerHealth(socket, async () => well);
  await assert.rejects(
    answerHealth(socket, async () => well),
    /is in use: give another/,
  );
  assert.deepEqual(await askHealth(socket, 5_000), well);
  answers.stop();
});

test('a service whose socket can’t be made stops, with the reason', async () => {
  const stopped: string[] = [];
  const service = { stop: async () => void stopped.push('yes') };
  await assert.rejects(withHealth(join(folder, 'none', 'x.sock'), service), (error: Error) => {
    assert.ok(error instanceof Refusal);
    assert.match(error.message, /can’t be made/);
    return true;
  });
  assert.deepEqual(stopped, ['yes']);
});

test('what answers and is no service of ours is said to be none', async () => {
  const stranger = createServer((socket) => void socket.end('hello'));
  await new Promise<void>((done) => stranger.listen(socketOf('stranger'), done));
  await assert.rejects(askHealth(socketOf('stranger'), 5_000), /is no service of this project/);
  stranger.close();
});

test('a port takes connections while somebody listens', async () => {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  assert.equal(await accepts({ host: '127.0.0.1', port }), true);
  await new Promise((done) => server.close(done));
  assert.equal(await accepts({ host: '127.0.0.1', port }), false);
});

test('a file that is no socket is not removed for one', async () => {
  const path = join(folder, 'texts.jsonl');
  writeFileSync(path, 'mine');
  await assert.rejects(
    answerHealth(path, async () => well),
    /the health socket .*texts\.jsonl can’t be made \(EADDRINUSE\)/,
  );
  assert.equal(readFileSync(path, 'utf8'), 'mine');
});
