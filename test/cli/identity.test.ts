import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, statSync, watch } from 'node:fs';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { brokerSettings, start as startBroker } from '../../broker/main.js';
import { coordinatorSettings, start as startCoordinator } from '../../coordinator/main.js';
import { readBundle } from '../../identity/bundle.js';
import { readPasswordFile } from '../../identity/password-file.js';
import { requireSettings } from '../../schemas/settings.js';
import { entry, fleetune } from './command.js';

async function folderOf(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-identity-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const ca = join(folder, 'ca');
  const { code, err } = await fleetune(['ca', 'init', '--ca', ca]);
  assert.equal(code, 0, err);
  return { folder, ca };
}

/** `fleetune ca serve` as a process of its own. @param port 0: any free one */
async function startAuthority(t: TestContext, ca: string, port: number) {
  const argv = [
    'ca',
    'serve',
    '--ca',
    ca,
    '--host',
    '127.0.0.1',
    '--hosts',
    '127.0.0.1',
    '--port',
    `${port}`,
  ];
  const child: ChildProcess = spawn(
    process.execPath,
    [entry, ...argv, '--broker', 'mqtts://127.0.0.1:8883'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  t.after(() => child.kill('SIGKILL'));
  const ended = new Promise((resolve) => child.once('close', resolve));
  for await (const line of createInterface({ input: child.stderr! })) {
    const told = JSON.parse(line) as { message: string; port: number };
    if (told.message === 'listening') return { child, ended, port: told.port };
  }
  throw new Error('the authority did not start');
}

test('a bundle is made, listed, revoked, and never overwritten; an authority neither', async (t) => {
  const { folder, ca } = await folderOf(t);
  const out = join(folder, 'barn');
  const flags = [
    '--ca',
    ca,
    '--out',
    out,
    '--broker',
    'mqtts://server.example:8883',
    '--at',
    '/etc/fleetune/tls',
  ];
  const made = await fleetune(['provision', 'barn', ...flags]);
  assert.match(
    made.out,
    /the bundle of device barn.*\nfleetune device --config \/etc\/fleetune\/tls\/device\.yaml\n/,
  );
  assert.match(readFileSync(join(out, 'device.yaml'), 'utf8'), /^tls: "\/etc\/fleetune\/tls"$/m);
  assert.equal(statSync(join(out, 'tls.key')).mode & 0o777, 0o600);
  assert.equal(statSync(join(ca, 'ca.key')).mode & 0o777, 0o600);
  assert.match(
    (await fleetune(['provision', 'barn', ...flags])).err,
    /holds a certificate already that counts/,
  );
  assert.match((await fleetune(['ca', 'init', '--ca', ca])).err, /holds an authority already/);

  const other = await fleetune(['provision', 'barn', '--ca', ca, '--out', join(folder, 'barn-2')]);
  assert.match(other.err, /barn has 1 certificate already; `fleetune revoke barn` first takes them back/);
  assert.match((await fleetune(['revoke', 'barn', '--ca', ca])).out, /barn: 2 certificates revoked/);
  const listed = await fleetune(['ca', 'list', '--ca', ca, '--json']);
  assert.deepEqual(
    (JSON.parse(listed.out) as { name: string; role: string; state: string }[]).map((row) => [
      row.name,
      row.role,
      row.state,
    ]),
    [
      ['barn', 'device', 'revoked'],
      ['barn', 'device', 'revoked'],
    ],
  );
  assert.match(
    (await fleetune(['revoke', 'shed', '--ca', ca])).err,
    /"shed" has no certificate that counts and no claim/,
  );
});

test('what is missing or wrong is named', async (t) => {
  const { folder, ca } = await folderOf(t);
  const cases: [argv: string[], reason: RegExp][] = [
    [['provision', '--ca', ca], /needs a name: expected letters/],
    [['provision', 'two words', '--ca', ca], /"two words" is no name/],
    [['provision', 'barn', '--ca', folder], /no authority in .*fleetune ca init/],
    [['provision', 'server', '--ca', ca, '--role', 'broker'], /give --hosts/],
    [['provision', 'authority', '--ca', ca, '--role', 'broker', '--hosts', 'a'], /authority’s own server/],
    [
      ['provision', 'barn', '--ca', ca, '--role', 'admin'],
      /--role: "admin" is not one of device, coordinator/,
    ],
    [
      [...['claim', 'authority', '--ca', ca, '--role', 'broker', '--hosts', 'a'], '--authority', 'https://a'],
      /authority’s own server/,
    ],
    [['claim', 'barn', '--ca', ca], /--authority is missing: expected an address as https/],
    [['claim', 'barn', '--ca', ca, '--authority', 'http://server'], /expected an address as https/],
    [['ca', 'serve', '--ca', ca], /give --hosts/],
    [['enroll', '--tls', join(folder, 'tls')], /needs a token: fleetune claim makes one/],
    [['enroll', 'abc', '--tls', join(folder, 'tls')], /not a claim token/],
    [['renew', '--tls', join(folder, 'tls')], /--authority: expected an address/],
  ];
  await Promise.all(
    cases.map(async ([argv, reason]) => {
      const { code, err } = await fleetune(argv);
      assert.equal(code, 1, argv.join(' '));
      assert.match(err, reason);
    }),
  );
});

test('an authority that is killed -9 with a certificate made and not answered costs a board nothing', async (t) => {
  const { folder, ca } = await folderOf(t);
  const first = await startAuthority(t, ca, 0);
  const url = `https://127.0.0.1:${first.port}`;
  const [claim, tls] = [join(folder, 'claim'), join(folder, 'tls')];
  await fleetune(['claim', 'barn', '--ca', ca, '--authority', url, '--out', claim]);
  const token = readFileSync(claim, 'utf8');
  const killed = new Promise<void>((resolve) => {
    const watcher = watch(ca, (_event, file) => {
      if (file !== 'issued.jsonl') return;
      first.child.kill('SIGKILL');
      watcher.close();
      resolve();
    });
  });
  const board = fleetune(['enroll', '--claim', claim, '--tls', tls, '--connect-s', '30']);
  await killed;
  await first.ended;
  assert.equal(existsSync(join(tls, 'tls.crt')), false);
  await startAuthority(t, ca, first.port);
  const { code, out, err } = await board;
  assert.equal(code, 0, err);
  assert.match(out, /barn is enrolled: certificate until/);
  assert.equal(existsSync(claim), false);

  const thief = await fleetune(['enroll', token, '--tls', join(folder, 'thief')]);
  assert.match(thief.err, /the claim was used already, by another key/);
  await writeFile(claim, token);
  const again = await fleetune(['enroll', '--claim', claim, '--tls', tls]);
  assert.match(again.out, /barn is enrolled already/);
  assert.equal(existsSync(claim), false);
});

test('a board’s key stays on it though a person carries the request and the certificate', async (t) => {
  const { folder, ca } = await folderOf(t);
  const [board, out, file] = [join(folder, 'board'), join(folder, 'out'), join(folder, 'barn.csr')];
  const asked = await fleetune(['request', 'barn', '--tls', board]);
  assert.match(asked.out, /^-----BEGIN CERTIFICATE REQUEST-----\n/);
  assert.equal(
    (await fleetune(['request', 'barn', '--tls', board])).code,
    0,
    'asked again, with the same key',
  );
  await writeFile(file, asked.out);
  const flags = ['--ca', ca, '--request', file, '--out', out, '--at', board];
  assert.match((await fleetune(['provision', 'barn', ...flags])).out, /copy it into the folder of its key/);
  assert.deepEqual((await readdir(out)).sort(), ['ca.crt', 'device.yaml', 'tls.crt']);
  await cp(out, board, { recursive: true });
  assert.equal(readBundle(board).own!.key, readFileSync(join(board, 'tls.key.next'), 'utf8'));
  await writeFile(file, 'no request');
  const refused = await fleetune(['provision', 'shed', ...flags.slice(0, 4), '--out', join(folder, 'shed')]);
  assert.match(refused.err, /not a readable certificate request/);
  const missing = await fleetune(['provision', 'shed', '--ca', ca, '--request', join(folder, 'none')]);
  assert.match(missing.err, /\(--request\) is missing/);
});

test('a password comes from a pipe, is changed and taken out, and stands in no file', async (t) => {
  const { folder } = await folderOf(t);
  const path = join(folder, 'passwords');
  const set = (name: string, password: string, ...flags: string[]) =>
    fleetune(['password', name, '--passwords', path, ...flags], password);
  assert.match((await set('ana', 'first secret\n', '--role', 'operator')).out, /ana is in, as operator/);
  assert.match((await set('barn', 'second secret\n')).out, /barn is in, as device/);
  const before = readFileSync(path, 'utf8');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  chmodSync(path, 0o640); // For the group of a broker of another user.
  assert.match((await set('ana', 'third secret\n', '--role', 'viewer')).out, /ana has a new password/);
  const after = readFileSync(path, 'utf8');
  assert.match(after, /^barn:device:\$scrypt\$ln=15,r=8,p=1\$\S+\nana:viewer:\$scrypt/);
  assert.ok(!/secret/.test(before + after));
  assert.equal(statSync(path).mode & 0o777, 0o640);
  assert.match((await set('ana', '', '--remove')).out, /ana is out/);
  assert.match((await set('ana', '', '--remove')).err, /has no ana/);
  assert.match((await set('eve', 'short\n')).err, /too short: at least 8/);
});

test('passwords that are set and taken out side by side are all set, and all out', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-identity-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'passwords');
  const set = (name: string, ...flags: string[]) =>
    fleetune(['password', name, '--passwords', path, ...flags], 'a long secret');
  const names = ['ana', 'bob', 'eve', 'ida', 'joe', 'kim'];
  const results = await Promise.all(names.map((name) => set(name)));
  assert.deepEqual(
    results.map(({ err }) => err),
    names.map(() => ''),
  );
  assert.deepEqual([...readPasswordFile(path).keys()].sort(), names);
  await Promise.all(names.slice(0, -1).map((name) => set(name, '--remove')));
  assert.deepEqual([...readPasswordFile(path).keys()], ['kim']);
  assert.deepEqual(await readdir(folder), ['passwords']);
});

test('coordinator, operator and viewer meet by their bundles’ settings; a viewer starts no run', async (t) => {
  const { folder, ca } = await folderOf(t);
  const make = async (name: string, role: string, ...flags: string[]) => {
    const out = join(folder, name);
    const { code, err } = await fleetune([
      'provision',
      name,
      '--ca',
      ca,
      '--role',
      role,
      '--out',
      out,
      ...flags,
    ]);
    assert.equal(code, 0, err);
    return join(out, `${role}.yaml`);
  };
  await make('server', 'broker', '--hosts', 'localhost');
  const secure = { tls: join(folder, 'server'), crl: join(ca, 'public', 'crl.pem') };
  const broker = await startBroker(
    requireSettings(brokerSettings, { port: 0, wsPort: -1, ...secure }, 'test'),
  );
  t.after(() => broker.stop());
  const reach = ['--broker', `mqtts://localhost:${broker.port}`];
  await make('main', 'coordinator', ...reach);
  const [ana, vera] = [await make('ana', 'operator', ...reach), await make('vera', 'viewer', ...reach)];
  const own = { broker: reach[1], tls: join(folder, 'main'), runs: join(folder, 'runs') };
  const coordinator = await startCoordinator(requireSettings(coordinatorSettings, own, 'test'));
  t.after(() => coordinator.stop());

  const refused = await fleetune(['rounds', 'start', '--config', vera, '--rounds', '1']);
  assert.match(refused.err, /is the bundle of viewer vera: runs are started and stopped by an operator/);
  const started = await fleetune(['rounds', 'start', '--config', ana, '--rounds', '1']);
  assert.equal(started.code, 0, started.err);
  const status = await fleetune(['status', '--config', vera, '--json']);
  assert.match(status.out, /"state": ?"waiting"/);
});
