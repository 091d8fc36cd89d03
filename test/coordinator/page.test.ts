import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingHttpHeaders, request } from 'node:http';
import { get as getSecure } from 'node:https';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { credentialCheck, isOurName } from '../../coordinator/page/gate.js';
import type { PageSnapshot } from '../../coordinator/page/page.js';
import { startPageServer } from '../../coordinator/page/server.js';
import { pageProblem, pageSettings } from '../../coordinator/page/settings.js';
import { createLog } from '../../runtime/log.js';
import { Refusal } from '../../schemas/refusal.js';
import { requireSettings } from '../../schemas/settings.js';
import { makeTestAuthority } from '../identity/authority-rig.js';
import { PageFleet } from './page-rig.js';

const settingsOf = (raw: Record<string, unknown>) => requireSettings(pageSettings, raw, 'test');
const silent = createLog('test', () => undefined);
const basic = (credentials: string) => `Basic ${Buffer.from(credentials).toString('base64')}`;

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

async function ask(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const sent = request(url, { headers, method }).end();
  const [answer] = await once(sent, 'response');
  return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
}

/** A server of the page without a fleet, which ends with the test. */
async function serve(t: { after(work: () => Promise<void>): void }, raw: Record<string, unknown> = {}) {
  let atMs = 0;
  const snapshot = () => ({ atMs: ++atMs });
  const server = await startPageServer(settingsOf({ pagePort: 0, ...raw }), snapshot, silent);
  t.after(() => server.stop());
  return `http://127.0.0.1:${server.port}`;
}

test('there is no page unless a port is given, and none for other machines without credentials', () => {
  assert.equal(settingsOf({}).pagePort, -1);
  assert.equal(pageProblem(settingsOf({ pageHost: '0.0.0.0' })), undefined);
  const problem = (raw: Record<string, unknown>) => pageProblem(settingsOf({ pagePort: 8080, ...raw }));
  assert.equal(problem({}), undefined);
  for (const pageHost of ['localhost', '127.0.0.9', '::1']) assert.equal(problem({ pageHost }), undefined);
  for (const pageHost of ['0.0.0.0', '::', '192.168.1.4', 'board.lan', ''])
    assert.match(problem({ pageHost })!, /reached from other machines.*--page-user and --page-password/);
  const open = { pageHost: '0.0.0.0', pageUser: 'ops', pagePassword: 'secret' };
  assert.match(problem(open)!, /would travel in the open: give --page-tls, or --insecure/);
  assert.equal(problem({ ...open, pageTls: '/etc/fleetune/tls' }), undefined);
  assert.equal(pageProblem(settingsOf({ pagePort: 8080, ...open }), true), undefined);
  assert.match(problem({ pageUser: 'ops' })!, /give both/);
  assert.match(problem({ pagePassword: 'secret' })!, /give both/);
  assert.match(problem({ pageUser: 'a:b', pagePassword: 'c' })!, /colon/);
});

test('with a certificate it is served by TLS alone', async (t) => {
  const { bundle, authority } = await makeTestAuthority(t);
  const pageTls = await bundle('broker', 'page');
  const { port } = new URL(await serve(t, { pageTls }));
  const status = await new Promise((resolve, reject) => {
    const asked = getSecure(
      { host: '127.0.0.1', port, path: '/live.json', ca: authority.certificate },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    asked.on('error', reject);
  });
  assert.equal(status, 200);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/live.json`));
  await assert.rejects(
    serve(t, { pageTls: authority.folder }),
    /\(--page-tls\) holds neither tls\.crt nor ca\.crt/,
  );
});

test('a port that is taken is refused in words', async (t) => {
  const port = new URL(await serve(t)).port;
  const again = startPageServer(settingsOf({ pagePort: Number(port) }), () => ({ atMs: 0 }), silent);
  await assert.rejects(again, (e) => e instanceof Refusal && /the port is taken/.test(e.message));
});

test('it is served by address, as localhost and under given names: no other name can be pointed at it', async (t) => {
  for (const host of ['127.0.0.1', '127.0.0.1:80', '[::1]:8080', '192.168.0.7', 'localhost:1', 'LOCALHOST'])
    assert.ok(isOurName(host, []), host);
  for (const host of [
    undefined,
    '',
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'a b',
  ])
    assert.ok(!isOurName(host, []), host);
  assert.ok(isOurName('fleet.example.org:443', ['Fleet.example.org']));
  const url = await serve(t, { pageNames: 'fleet.lan' });
  assert.equal((await ask(url)).status, 200);
  assert.equal((await ask(url, { host: 'fleet.lan' })).status, 200);
  for (const path of ['/', '/live', '/live.json', '/page.js'])
    assert.equal((await ask(url + path, { host: 'evil.example' })).status, 421);
});

test('with credentials nothing is served without them', async (t) => {
  const enters = credentialCheck('ops', 'pässword:1');
  assert.ok(enters(basic('ops:pässword:1')));
  for (const wrong of [undefined, '', 'Basic', basic(''), basic('ops:'), basic('ops:pässword'), 'Bearer x'])
    assert.ok(!enters(wrong), wrong);
  const url = await serve(t, { pageUser: 'ops', pagePassword: 'secret' });
  for (const path of ['/', '/live', '/live.json', '/page.js', '/nothing']) {
    const { status, headers, body } = await ask(url + path);
    assert.equal(status, 401);
    assert.match(headers['www-authenticate']!, /^Basic realm="fleetune"/);
    assert.doesNotMatch(body, /atMs|<html/);
  }
  const before = performance.now();
  assert.equal((await ask(url, { authorization: basic('ops:guess') })).status, 401);
  assert.ok(performance.now() - before > 250);
  assert.equal((await ask(url, { authorization: basic('ops:secret') })).status, 200);
});

test('whoever guesses side by side is not listened to any more, whoever guesses nothing is', async (t) => {
  const url = await serve(t, { pageUser: 'ops', pagePassword: 'secret' });
  const guess = (word: string) => ask(url, { authorization: basic(`ops:${word}`) });
  const guesses = await Promise.all(Array.from({ length: 30 }, (_, i) => guess(`guess ${i}`)));
  const answers = guesses.map(({ status }) => status);
  assert.deepEqual([...new Set(answers)].sort(), [401, 429]);
  assert.ok(answers.filter((status) => status === 401).length <= 21);
  assert.equal((await guess('secret')).status, 429);
  assert.equal((await ask(url)).status, 401);
});

test('every answer forbids foreign resources, inline code and frames, and it is read only', async (t) => {
  const url = await serve(t);
  const answers = [await ask(url), await ask(`${url}/nothing`), await ask(`${url}/../settings.ts`)];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 404, 404],
  );
  for (const { headers } of answers) {
    const policy = headers['content-security-policy'] as string;
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "frame-ancestors 'none'",
      "trusted-types 'none'",
    ])
      assert.ok(policy.includes(part), part);
    assert.doesNotMatch(policy, /unsafe|http|\*/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
    assert.equal(headers['access-control-allow-origin'], undefined);
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
    assert.equal((await ask(url, {}, method)).status, 405);
  const head = await ask(url, {}, 'HEAD');
  assert.deepEqual([head.status, head.body], [200, '']);
});

test('what the page loads is there and its own', async (t) => {
  const url = await serve(t);
  const { body } = await ask(url);
  const named = [...body.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, name]) => name!);
  assert.ok(named.includes('page.js') && named.includes('page.css'));
  for (const name of named) assert.equal((await ask(`${url}/${name}`)).status, 200, name);
  const scripts = await Promise.all(
    ['page.js', 'figures.js', 'plot.js', 'connection.js'].map((name) => ask(`${url}/${name}`)),
  );
  for (const { body } of [...scripts, await ask(`${url}/page.css`)])
    assert.doesNotMatch(
      body,
      /https?:\/\/(?!www\.w3\.org\/2000\/svg)|innerHTML|insertAdjacentHTML|document\.write/,
    );
});

test('so many may look and no more', async (t) => {
  const url = await serve(t);
  const looking = await Promise.all(
    Array.from({ length: 32 }, async () => {
      const sent = get(`${url}/live`);
      const [answer] = await once(sent, 'response');
      const [first] = await once(answer, 'data');
      assert.match(String(first), /^retry: \d+\n\ndata: \{"atMs":\d+\}\n\n$/);
      return sent;
    }),
  );
  const { status, headers } = await ask(`${url}/live`);
  assert.deepEqual([status, headers['retry-after']], [503, '10']);
  const [first] = looking;
  first!.destroy();
  for (let tries = 0; ; tries++) {
    const sent = get(`${url}/live`).on('error', () => {});
    const [answer] = await once(sent, 'response');
    sent.destroy();
    if (answer.statusCode === 200) break;
    assert.ok(tries < 50, 'its place is never free');
  }
  for (const sent of looking) sent.on('error', () => {}).destroy();
});

test('who holds all the connections of an address leaves others theirs', async (t) => {
  const url = await serve(t);
  const { port } = new URL(url);
  const held = Array.from({ length: 64 }, () => connect(Number(port), '127.0.0.1').resume());
  const refused = held.map((socket) =>
    once(
      socket.on('error', () => {}),
      'close',
    ),
  );
  const [answer] = await once(get(`${url}/live.json`, { localAddress: '127.0.0.2' }), 'response');
  assert.equal(answer.statusCode, 200);
  await Promise.race(refused);
});

test('a request without an end, or with too long a head, is cut', async (t) => {
  const { port } = new URL(await serve(t));
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(9000)}\r\n\r\n`);
  assert.match(await text(socket), /^HTTP\/1\.1 431 /);
});

test('snapshots tell the fleet, the run and what devices measure, and end with the service', async (t) => {
  const made = await PageFleet.start(t);
  const device = await made.device({ id: 'a', step: 0.5, examples: 4 });
  const [response] = await once(get(`${made.url}live`), 'response');
  const seen = snapshots(response);
  const until = async (met: (snapshot: PageSnapshot) => boolean) => {
    for (;;) {
      const { value, done } = await seen.next();
      if (done) throw new Error('the page ended');
      if (met(value)) return value;
    }
  };
  await until(({ totals, connected }) => connected && totals.ready === 1);
  await made.fleet.trigger({ rounds: 2 });
  const { run } = await until(({ run }) => run !== null);
  await device.measure({ run: run!, round: 1, step: 1, steps: 2, loss: 2.5, watts: 11.5 });
  const ended = await until(({ state, history }) => state === 'idle' && history.length === 2);
  assert.deepEqual(
    ended.history.map(({ participants }) => participants),
    [1, 1],
  );
  assert.equal(ended.totals.joules, null);
  const measured = await until(({ totals }) => totals.watts !== null);
  assert.equal(measured.totals.watts, 11.5);
  assert.deepEqual(measured.losses, [{ rounds: 0.28125, loss: 2.5 }]);
  assert.equal(measured.devices[0]!.figures.source, 'ina3221');
  const alone = JSON.parse((await ask(`${made.url}live.json`)).body) as PageSnapshot;
  assert.equal(alone.run, run);
  await made.stop();
  await assert.rejects(until(() => false));
});

async function* snapshots(response: AsyncIterable<Buffer>): AsyncGenerator<PageSnapshot, undefined> {
  let text = '';
  for await (const bytes of response) {
    text += bytes;
    const events = text.split('\n\n');
    text = events.pop()!;
    for (const event of events) if (event.startsWith('data: ')) yield JSON.parse(event.slice(6));
  }
  return undefined;
}
