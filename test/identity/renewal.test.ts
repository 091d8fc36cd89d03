import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { chmod, cp, readdir } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readBundle } from '../../identity/bundle.js';
import { enroll, renew, requestFor } from '../../identity/enrolment.js';
import { provision } from '../../identity/provision.js';
import { dueMs, type RenewalSettings, renewBeside, startRenewal } from '../../identity/renewal.js';
import { revoke } from '../../identity/revocation.js';
import { takeLock } from '../../runtime/lock.js';
import { createLog } from '../../runtime/log.js';
import { Events } from '../broker/rig.js';
import { claimed, makeTestAuthority, serve } from './authority-rig.js';

const lookMs = 20;
/** For who is no service and has nothing else to do. */
const renewIfDue = async (settings: RenewalSettings) => (await renewBeside(settings, Date.now(), 60_000))();
const isRoot = process.getuid?.() === 0;

test('a certificate is due when two thirds of its life are over, and up to a tenth later', () => {
  assert.equal(dueMs({ fromMs: 1000, toMs: 4000 }, 0), 3000);
  assert.equal(dueMs({ fromMs: 1000, toMs: 4000 }, 1), 3300);
});

test('a certificate that is due is renewed, and it is told; one that is not is left alone', async (t) => {
  const { authority, folder, bundle } = await makeTestAuthority(t);
  const { url } = await serve(t, authority);
  const events = new Events<string>();
  const log = createLog('device', (line) => events.add(JSON.parse(line).message));
  const young = await bundle('device', 'shed');
  const left = startRenewal({ tls: young, authority: url }, log, () => events.add('left'), lookMs);
  // Of a life of 24 h it has seen 20, so it is due.
  const due = await bundle('device', 'barn', { nowMs: Date.now() - 20 * 3_600_000 });
  const before = readBundle(due).own!.certificate;
  const renewal = startRenewal({ tls: due, authority: url }, log, () => events.add('renewed'), lookMs);
  await events.find((event) => event === 'renewed');
  assert.notEqual(readBundle(due).own!.certificate, before);
  await renewal.stop();
  await left.stop();
  assert.deepEqual(events.all, ['certificate renewed', 'renewed']);
  assert.ok(folder);
});

test('where the authority refuses or is away, it is told, and the present certificate stays', async (t) => {
  const { authority, bundle } = await makeTestAuthority(t);
  const { url, server } = await serve(t, authority);
  const lines = new Events<Record<string, unknown>>();
  const log = createLog('device', (line) => lines.add(JSON.parse(line)));
  const fail = async (name: string, authorityUrl = url) => {
    const tls = await bundle('device', name, { nowMs: Date.now() - 20 * 3_600_000 });
    const { certificate } = readBundle(tls).own!;
    if (name === 'barn') await revoke(authority, name, Date.now());
    const renewal = startRenewal(
      { tls, authority: authorityUrl },
      log,
      () => assert.fail('it is the old one'),
      lookMs,
    );
    const line = await lines.find(({ message }) => message === 'certificate not renewed');
    await renewal.stop();
    lines.all.length = 0;
    assert.equal(readBundle(tls).own!.certificate, certificate);
    assert.ok(Number(line.nextTryS) > 60);
    return String(line.reason);
  };
  assert.match(await fail('barn'), /refuses: a revoked certificate/);
  assert.match(await fail('loft', ''), /no authority is set/);
  await server.stop();
  assert.match(await fail('shed'), /can't be asked.*ECONNREFUSED/);
});

test('a certificate that somebody else puts there is told too, with no authority set', async (t) => {
  const { bundle } = await makeTestAuthority(t);
  const events = new Events<string>();
  const [tls, next] = [await bundle('device', 'barn'), await bundle('device', 'barn')];
  const renewal = startRenewal(
    { tls, authority: '' },
    createLog('device', () => {}),
    () => events.add('renewed'),
    lookMs,
  );
  for (const file of ['tls.key', 'tls.crt']) await cp(join(next, file), join(tls, file));
  await events.count(1);
  await renewal.stop();
});

/** An authority that does not answer. @returns who asks it, each with its connection */
async function startSilent(t: TestContext) {
  const asked = new Events<Socket>();
  const silent = createServer(asked.add).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.close());
  return { asked, url: `https://127.0.0.1:${(silent.address() as AddressInfo).port}` };
}

test('a service that stops does not wait for an authority that does not answer', async (t) => {
  const { bundle } = await makeTestAuthority(t);
  const { asked, url } = await startSilent(t);
  const tls = await bundle('device', 'barn', { nowMs: Date.now() - 20 * 3_600_000 });
  const before = readBundle(tls).own;
  const log = createLog('device', (line) => assert.fail(`it waited: ${line}`));
  const renewal = startRenewal({ tls, authority: url }, log, () => undefined, lookMs);
  const [asking] = await asked.count(1);
  const cut = once(asking!.on('error', () => undefined).resume(), 'close');
  await renewal.stop();
  await cut; // Nobody is left behind who asks.
  assert.deepEqual(readBundle(tls).own, before);
});

test('a certificate that has ended or ends soon is told at the start', async (t) => {
  const { bundle } = await makeTestAuthority(t);
  const lines: Record<string, unknown>[] = [];
  const log = createLog('broker', (line) => lines.push(JSON.parse(line)));
  const start = async (hours: number) => {
    const tls = await bundle('broker', 'server', { nowMs: Date.now() - hours * 3_600_000 });
    await startRenewal({ tls, authority: '' }, log, () => undefined).stop();
  };
  await start(20);
  assert.equal(lines.length, 0);
  await start(23);
  await start(25);
  const told = lines.map(({ level, message }) => `${level}: ${message}`);
  assert.deepEqual(told, ['warn: certificate ends soon', 'warn: certificate has ended']);
  assert.match(String(lines[1]!.remedy), /fleetune provision/);
});

test('who is no service renews where it is due, and hears why that failed', async (t) => {
  const { authority, bundle } = await makeTestAuthority(t);
  const { url, server } = await serve(t, authority);
  const look = async (hours: number, authorityUrl = url) => {
    const tls = await bundle('operator', 'ana', { nowMs: Date.now() - hours * 3_600_000 });
    const { certificate } = readBundle(tls).own!;
    const problem = await renewIfDue({ tls, authority: authorityUrl });
    return { problem, isNew: readBundle(tls).own!.certificate !== certificate };
  };
  assert.deepEqual(await look(1), { problem: undefined, isNew: false });
  assert.deepEqual(await look(20), { problem: undefined, isNew: true });
  assert.deepEqual(await look(20, ''), { problem: undefined, isNew: false });
  assert.match((await look(23, '')).problem!, /ends .*: .*fleetune provision/);
  assert.match((await look(25)).problem!, /ended .*: .*fleetune provision/);
  await server.stop();
  assert.deepEqual(await look(20), { problem: undefined, isNew: false }); // There is time.
  assert.match((await look(23)).problem!, /was not renewed: .*ECONNREFUSED/);
  assert.equal(await renewIfDue({ tls: '', authority: url }), undefined);
});

test('a command’s work and end wait for no authority that does not answer; late in its life that is told', async (t) => {
  const { bundle } = await makeTestAuthority(t);
  const { asked, url } = await startSilent(t);
  const ask = async (hours: number, count: number) => {
    const tls = await bundle('operator', 'ana', { nowMs: Date.now() - hours * 3_600_000 });
    const before = readBundle(tls).own;
    const end = await renewBeside({ tls, authority: url }, Date.now(), 0);
    const asking = (await asked.count(count)).at(-1)!; // The command's work, while nothing answers.
    const cut = once(asking.on('error', () => undefined).resume(), 'close');
    const problem = await end();
    await cut;
    assert.deepEqual(readBundle(tls).own, before);
    return problem;
  };
  assert.equal(await ask(20, 1), undefined);
  assert.match(
    (await ask(23, 2))!,
    /ends .* and was not renewed: no answer of https:.* while the command ran/,
  );
});

test('commands at the same time renew a bundle once, and it stays whole', async (t) => {
  const { authority, bundle } = await makeTestAuthority(t);
  const { url, logged } = await serve(t, authority);
  const tls = await bundle('operator', 'ana', { nowMs: Date.now() - 20 * 3_600_000 });
  const commands = Array.from({ length: 4 }, () => renewIfDue({ tls, authority: url }));
  assert.deepEqual(await Promise.all(commands), [undefined, undefined, undefined, undefined]);
  assert.ok(readBundle(tls).own);
  assert.deepEqual((await readdir(tls)).sort(), ['ca.crt', 'operator.yaml', 'tls.crt', 'tls.key']);
  assert.equal(logged.all.filter(({ message }) => message === 'renewed').length, 1);
});

test('what changes a bundle waits for who changes it', async (t) => {
  const { authority, folder, bundle } = await makeTestAuthority(t);
  const { url } = await serve(t, authority);
  const tls = await bundle('device', 'barn', { nowMs: Date.now() - 20 * 3_600_000 });
  const subject = { name: 'barn', role: 'device' as const, hosts: [] };
  const reach = { tls: '', authority: '', broker: '', fleet: '' };
  const claim = await claimed(authority, url, 'barn');
  const order: string[] = [];
  const noted = (name: string, work: Promise<unknown>) => work.then(() => order.push(name));
  const lock = await takeLock(join(tls, 'tls.lock'), () => 'held');
  const all = Promise.all([
    noted('renew', renew(url, tls)),
    noted('enroll', enroll(claim, tls)),
    noted('request', requestFor('barn', tls)),
    noted('provision', provision(authority, subject, tls, reach, { days: 1, nowMs: Date.now() })),
  ]);
  // Another bundle takes as long as this one would.
  await renew(url, await bundle('device', 'shed'));
  await enroll(await claimed(authority, url, 'loft'), join(folder, 'loft'));
  order.push('let go');
  await lock.release();
  await all;
  assert.equal(order[0], 'let go');
  assert.ok(readBundle(tls).own);
});

/** Root may write everywhere but where nobody may. @returns what ends it; undefined where this machine allows no mount */
async function readOnly(folder: string): Promise<(() => void) | undefined> {
  const mount = (...argv: string[]) => execFileSync('mount', argv, { stdio: 'ignore' });
  if (!isRoot) {
    await chmod(folder, 0o500);
    return () => chmodSync(folder, 0o700);
  }
  try {
    mount('--bind', folder, folder);
    mount('-o', 'remount,bind,ro', folder);
  } catch {
    return undefined;
  }
  return () => void execFileSync('umount', ['-l', folder]);
}

test('a bundle that can only be read does not hold up who reads it', async (t) => {
  const { authority, bundle } = await makeTestAuthority(t);
  const { url } = await serve(t, authority);
  const tls = await bundle('operator', 'ana', { nowMs: Date.now() - 23 * 3_600_000 });
  const end = await readOnly(tls);
  if (!end) return t.skip('this user may not mount a small file system');
  const problem = await renewIfDue({ tls, authority: url }).finally(end);
  assert.match(problem!, /was not renewed: .*can't write to/);
  assert.ok(readBundle(tls).own);
});
