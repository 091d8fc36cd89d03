import assert from 'node:assert/strict';
import { chownSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeToken } from '../../identity/claim-token.js';
import { claimed, makeTestAuthority, serve } from '../identity/authority-rig.js';
import { fleetune } from './command.js';

const service = 4242;

/** All that is below a folder, and the folder. */
const within = (folder: string) => [
  folder,
  ...(readdirSync(folder, { recursive: true }) as string[]).map((path) => join(folder, path)),
];

test('what an operator changes under sudo stays the service’s, whatever the umask', {
  skip: process.getuid?.() !== 0 && 'only root may give files away',
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-owner-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [ca, passwords] = [join(folder, 'ca'), join(folder, 'passwords')];
  const run = async (argv: string[], input?: string) => {
    const { code, err } = await fleetune(argv, input);
    assert.equal(code, 0, err);
  };
  await run(['ca', 'init', '--ca', ca]);
  await run(['password', 'ana', '--passwords', passwords], 'first secret');
  for (const path of within(folder)) chownSync(path, service, service);
  const crl = join(ca, 'public', 'crl.pem');
  const before = statSync(crl).mode;
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));
  await run(['password', 'ana', '--passwords', passwords], 'second secret');
  await run(['provision', 'barn', '--ca', ca, '--out', join(folder, 'barn')]);
  await run(['claim', 'shed', '--ca', ca, '--authority', 'https://server.example:8884']);
  await run(['revoke', 'barn', '--ca', ca]);
  const paths = [passwords, ...within(ca)];
  assert.ok(paths.some((path) => path.endsWith('issued.jsonl')));
  const others = paths.filter((path) => statSync(path).uid !== service || statSync(path).gid !== service);
  assert.deepEqual(others, []);
  assert.equal(statSync(crl).mode, before);
});

test('what root makes in a folder of the service is the service’s, new folders too: a bundle, a request, an authority', {
  skip: process.getuid?.() !== 0 && 'only root may give files away',
}, async (t) => {
  const { authority, folder } = await makeTestAuthority(t);
  const { url } = await serve(t, authority);
  const home = join(folder, 'home');
  mkdirSync(home, { mode: 0o700 });
  chownSync(home, service, service);
  const run = async (...argv: string[]) => {
    const { code, err } = await fleetune(argv);
    assert.equal(code, 0, err);
  };
  const at = (name: string) => join(home, name);
  await run('enroll', writeToken(await claimed(authority, url, 'barn')), '--tls', at('boards/barn'));
  await run('request', 'shed', '--tls', at('shed'));
  await run('ca', 'init', '--ca', at('ca'));
  await run('provision', 'loft', '--ca', at('ca'), '--out', at('loft'));
  const paths = within(home);
  for (const made of [
    'boards',
    'boards/barn/tls.key',
    'shed/tls.key.next',
    'ca/claims',
    'ca/public',
    'loft/tls.key',
  ])
    assert.ok(paths.includes(at(made)), made);
  const others = paths.filter((path) => statSync(path).uid !== service || statSync(path).gid !== service);
  assert.deepEqual(others, []);
  assert.equal(statSync(at('ca/claims')).mode & 0o777, 0o700);
});

test('what others must read of an authority and of a bundle they may, and no more, whatever the umask', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-modes-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [ca, tls] = [join(folder, 'ca'), join(folder, 'barn')];
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));
  await fleetune(['ca', 'init', '--ca', ca]);
  await fleetune(['provision', 'barn', '--ca', ca, '--out', tls]);
  const modes = (paths: string[]) => paths.map((path) => (statSync(path).mode & 0o777).toString(8));
  const open = ['ca.crt', 'crl.pem'].map((file) => join(ca, 'public', file));
  assert.deepEqual(modes([join(ca, 'public'), ...open]), ['755', '644', '644']);
  const files = ['tls.crt', 'ca.crt', 'device.yaml', 'tls.key'].map((file) => join(tls, file));
  assert.deepEqual(modes([...files, join(ca, 'ca.key')]), ['644', '644', '644', '600', '600']);
});
