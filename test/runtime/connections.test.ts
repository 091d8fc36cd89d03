import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { serverTls } from '../../identity/server-tls.js';
import { limitConnections, requestTimes } from '../../runtime/connections.js';
import { makeTestAuthority } from '../identity/authority-rig.js';

/** A server that greets, with limits; what it refused. */
async function serve(t: TestContext, limits: { all: number; network: number }) {
  const refused: { address: string; reason: string }[] = [];
  const server = createServer((socket) => {
    if (!socket.destroyed) socket.on('error', () => undefined).write('in');
  });
  const closeAll = limitConnections(server, limits, (facts) => refused.push(facts));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    closeAll();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    refused,
    closeAll,
    /** @returns 'in' or 'out', and what leaves again */
    async enter(localAddress: string) {
      const socket = connect({ port, host: '127.0.0.1', localAddress }).on('error', () => undefined);
      const closed = once(socket, 'close');
      const answer = await Promise.race([once(socket, 'data').then(() => 'in'), closed.then(() => 'out')]);
      return { answer, closed, leave: () => void socket.destroy() };
    },
  };
}

test('an address that holds all it may leaves others theirs, and gets room when one of its own ends', async (t) => {
  const { enter, refused } = await serve(t, { all: 4, network: 2 });
  const first = await enter('127.0.0.1');
  await enter('127.0.0.1');
  assert.equal((await enter('127.0.0.1')).answer, 'out');
  assert.equal((await enter('127.0.0.2')).answer, 'in');
  assert.deepEqual(refused, [{ address: '127.0.0.1', reason: '2 from this address are open' }]);
  first.leave();
  for (let answer = 'out'; answer === 'out'; ) ({ answer } = await enter('127.0.0.1'));
});

test('all together have their limit, and all are closed at once', async (t) => {
  const { enter, refused, closeAll } = await serve(t, { all: 2, network: 2 });
  const inside = [await enter('127.0.0.1'), await enter('127.0.0.2')];
  assert.equal((await enter('127.0.0.3')).answer, 'out');
  assert.deepEqual(refused, [{ address: '127.0.0.3', reason: '2 are open' }]);
  closeAll();
  for (const { closed } of inside) await closed;
});

test('a connection that asks for nothing, half of something, or in no TLS is closed when its time is over', async (t) => {
  const { bundle } = await makeTestAuthority(t);
  const tls = serverTls(await bundle('broker', 'server'));
  for (const server of [createHttp(requestTimes(200)), createHttps({ ...requestTimes(200), ...tls })]) {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const fromMs = performance.now();
    const silent = connect(port, '127.0.0.1').resume();
    const half = connect(port, '127.0.0.1').resume();
    half.write('GET / HT');
    await Promise.all(
      [silent, half].map((socket) =>
        once(
          socket.on('error', () => undefined),
          'close',
        ),
      ),
    );
    assert.ok(performance.now() - fromMs < 5000);
    server.close();
  }
});
