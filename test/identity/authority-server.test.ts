import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:https';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fetchRevoked } from '../../identity/authority-client.js';
import { told } from '../../runtime/log.js';
import { makeTestAuthority, serve } from './authority-rig.js';

test('an address that holds all the connections it may leaves others theirs, and the log says so', async (t) => {
  const { authority } = await makeTestAuthority(t);
  const { url, logged, server } = await serve(t, authority);
  const held = Array.from({ length: 250 }, () => connect(server.port, '127.0.0.1'));
  const refused = held.map((socket) =>
    once(
      socket.on('error', () => undefined),
      'close',
    ),
  );
  const ask = { ca: authority.certificate, localAddress: '127.0.0.2', agent: false };
  const [answer] = await once(get(`${url}/v1/revoked`, ask), 'response');
  assert.match(await text(answer), /BEGIN X509 CRL/);
  await Promise.race(refused);
  const { reason, address } = await logged.find(({ message }) => message === 'connection refused');
  assert.deepEqual([reason, address], ['50 from this address are open', '127.0.0.1']);
});

test('it stops at once, also while somebody is in the middle of a handshake', async (t) => {
  const { authority } = await makeTestAuthority(t);
  const { server, url } = await serve(t, authority);
  const half = connect(server.port, '127.0.0.1').on('error', () => undefined);
  t.after(() => half.destroy());
  await once(half, 'connect');
  half.write(Buffer.from([0x16, 0x03, 0x01])); // The first bytes of a ClientHello.
  await fetchRevoked(url, authority.certificate); // So the one before was taken.
  const fromMs = performance.now();
  await server.stop();
  assert.ok(performance.now() - fromMs < 5000);
});

const dayMs = 86_400_000;

test('a clock that is set after the start leaves the server with a certificate that counts', async (t) => {
  for (const days of [-60, 1]) {
    const { authority } = await makeTestAuthority(t);
    let aheadMs = days * dayMs;
    const { url, logged } = await serve(t, authority, { clock: () => Date.now() + aheadMs, everyMs: 1 });
    const isDate = (error: unknown) => /certificate (has expired|is not yet valid)/.test(told(error));
    await assert.rejects(fetchRevoked(url, authority.certificate), isDate, `${days} days`);
    aheadMs = 0;
    await logged.find(({ message }) => message === 'own certificate renewed');
    assert.match(await fetchRevoked(url, authority.certificate), /BEGIN X509 CRL/);
  }
});

test('where its own certificate can’t be renewed, its log says why once, and its health each time', async (t) => {
  const { authority } = await makeTestAuthority(t);
  let aheadMs = 0;
  const { server, logged } = await serve(t, authority, { clock: () => Date.now() + aheadMs, everyMs: 1 });
  const health = async () => (await server.health!())[0]!;
  assert.equal((await health()).ok, true);
  aheadMs = 400 * dayMs; // The authority itself ends after a year.
  const { reason } = await logged.find(({ message }) => message === 'own certificate not renewed');
  assert.match(String(reason), /has ended/);
  const { ok, detail } = await health();
  assert.deepEqual([ok, detail.includes(String(reason))], [false, true]);
  aheadMs = 0;
});
