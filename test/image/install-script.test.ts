import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { metaData, userData } from '../../image/cloud-init.js';
import { stage } from '../../image/entries.js';
import { type Board, seedEntries } from '../../image/seed.js';

const board: Board = {
  id: 'barn-1',
  identity: { kind: 'claim', token: 'a-token' },
  model: { kind: 'fetched', source: 'google/flan-t5-small', revision: 'main', sums: '' },
  texts: {},
  environment: { FLEETUNE_ID: 'barn-1' },
  cpuPercent: 80,
};

/**
 * A board as a folder: absolute paths of the scripts lead below it, and programs that change a system are ones that
 * write down how they were called. `npm run check:board` runs the scripts on a whole system.
 */
function boardIn(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'fleetune-board-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const folder of [
    'bin',
    'boot/firmware',
    'etc/systemd/system',
    'var/lib/cloud/instance',
    'run/systemd/system',
  ])
    mkdirSync(join(root, folder), { recursive: true });
  for (const tool of ['dpkg', 'systemctl', 'chown', 'blkid', 'mount', 'sync'])
    writeFileSync(join(root, 'bin', tool), `#!/bin/sh\necho "${tool} $*" >> ${root}/called\n`, {
      mode: 0o755,
    });
  writeFileSync(join(root, 'bin/id'), '#!/bin/sh\necho 0\n', { mode: 0o755 });
  writeFileSync(join(root, 'bin/nproc'), '#!/bin/sh\necho 6\n', { mode: 0o755 });
  writeFileSync(
    join(root, 'bin/install'), // Without -o and -g, which need root.
    '#!/bin/sh\nfor word; do shift; case $word in -o|-g) skip=1;; *) [ -n "$skip" ] || set -- "$@" "$word"; skip=;; esac; done\n/usr/bin/install "$@"\n',
    { mode: 0o755 },
  );
  const at = (path: string) => join(root, path);
  const here = (text: string) => text.replaceAll(/(^|[\s"=!(])\/(boot|etc|var|run)\b/gm, `$1${root}/$2`);
  const run = (script: string) =>
    spawnSync('sh', ['-c', here(script)], {
      env: { PATH: `${root}/bin:${process.env.PATH}` },
      encoding: 'utf8',
      cwd: root,
    });
  const called = () => (existsSync(at('called')) ? readFileSync(at('called'), 'utf8') : '');
  /** The seed below a folder, its script led below the root. */
  const seed = async (folder: string) => {
    writeFileSync(at('fleetune_1.0.0_arm64.deb'), 'a package');
    const entries = await seedEntries(board, at('fleetune_1.0.0_arm64.deb'));
    await stage(at(folder), entries);
    const script = at(`${folder}/install`);
    writeFileSync(script, here(readFileSync(script, 'utf8')));
  };
  return { root, at, run, called, seed };
}

test('the seed makes a board: package first, secrets for the service alone, then it is gone', async (t) => {
  const { at, run, called, seed } = boardIn(t);
  await seed('var/lib/fleetune-seed');
  const { status, stderr } = run('sh /var/lib/fleetune-seed/install');
  assert.equal(status, 0, stderr);
  assert.equal(readFileSync(at('var/lib/fleetune/claim'), 'utf8'), 'a-token\n');
  assert.equal(statSync(at('var/lib/fleetune/claim')).mode & 0o777, 0o600);
  assert.equal(statSync(at('etc/fleetune/device.env')).mode & 0o777, 0o600);
  assert.match(
    readFileSync(at('etc/fleetune/model.env'), 'utf8'),
    /FLEETUNE_MODEL_SOURCE="google\/flan-t5-small"/,
  );
  assert.match(
    readFileSync(at('etc/systemd/system/fleetune-device.service.d/cpu.conf'), 'utf8'),
    /^\[Service\]\nCPUQuota=480%$/m,
  );
  assert.equal(existsSync(at('var/lib/fleetune-seed')), false);
  assert.match(called(), /^dpkg --install \.\/fleetune_1\.0\.0_arm64\.deb$/m);
  assert.match(called(), /^chown -R fleetune:fleetune claim$/m);
  assert.match(
    called(),
    /start fleetune-enroll\.service fleetune-model\.service fleetune-device\.service\n$/,
  );
});

test('a seed that lost its power goes on where it was', async (t) => {
  const { at, run, seed } = boardIn(t);
  await seed('var/lib/fleetune-seed');
  writeFileSync(at('bin/nproc'), '#!/bin/sh\nkill -9 $PPID\n', { mode: 0o755 });
  assert.notEqual(run('sh /var/lib/fleetune-seed/install').status, 0);
  assert.ok(existsSync(at('var/lib/fleetune-seed/install')));
  writeFileSync(at('bin/nproc'), '#!/bin/sh\necho 6\n', { mode: 0o755 });
  const { status, stderr } = run('sh /var/lib/fleetune-seed/install');
  assert.equal(status, 0, stderr);
  assert.equal(readFileSync(at('var/lib/fleetune/claim'), 'utf8'), 'a-token\n');
  assert.equal(existsSync(at('var/lib/fleetune-seed')), false);
});

test('a damaged seed installs nothing', async (t) => {
  const { at, run, called, seed } = boardIn(t);
  await seed('var/lib/fleetune-seed');
  writeFileSync(at('var/lib/fleetune-seed/fleetune_1.0.0_arm64.deb'), 'another');
  const { status, stdout } = run('sh /var/lib/fleetune-seed/install');
  assert.notEqual(status, 0);
  assert.match(stdout, /fleetune_1\.0\.0_arm64\.deb: FAILED/);
  assert.doesNotMatch(called(), /dpkg/);
});

interface CloudConfig {
  write_files: [{ path: string; permissions: string; content: string }];
}

test('cloud-init’s user data hands the seed of the boot partition over, and leaves no secret there', async (t) => {
  const { at, run, called, seed } = boardIn(t);
  await seed('boot/firmware/fleetune');
  const text = userData('barn-1');
  assert.match(text, /^#cloud-config\n/);
  const [{ path, permissions, content }] = (parse(text) as CloudConfig).write_files;
  assert.deepEqual([path, permissions], ['/var/lib/cloud/scripts/per-boot/fleetune.sh', '0755']);
  // Its power goes before the seed is whole on the board, and once more before the boot partition is clean.
  for (const calls of [1, 4]) {
    writeFileSync(
      at('bin/sync'),
      `#!/bin/sh\necho sync >> ${at('syncs')}\n[ $(wc -l < ${at('syncs')}) != ${calls} ] || kill -9 $PPID\n`,
      { mode: 0o755 },
    );
    assert.equal(run(content).signal, 'SIGKILL');
  }
  const { status, stderr } = run(content);
  assert.equal(status, 0, stderr);
  assert.ok(existsSync(at('var/lib/fleetune-seed/claim')));
  assert.match(called(), /^systemctl enable --now --no-block fleetune-first-boot\.service$/m);
  assert.equal(statSync(at('var/lib/fleetune-seed')).mode & 0o777, 0o700);
  const left = readdirSync(at('boot/firmware/fleetune')).sort();
  assert.deepEqual(left, [
    'SHA256SUMS',
    'fleetune-first-boot.service',
    'fleetune_1.0.0_arm64.deb',
    'install',
    'model.env',
  ]);
  const before = called();
  assert.equal(run(content).status, 0, 'at the next boot');
  assert.equal(called(), before);
});

test('user data without a seed beside it says where it looked', (t) => {
  const { run } = boardIn(t);
  const [{ content }] = (parse(userData('barn-1')) as CloudConfig).write_files;
  const { status, stderr } = run(content);
  assert.equal(status, 1);
  assert.match(stderr, /no folder fleetune on the boot partition, nor on a volume named CIDATA/);
});

test('user data names no secret, and another seed is another instance', () => {
  assert.doesNotMatch(userData('barn-1'), /a-token/);
  assert.deepEqual(parse(metaData('barn-1', 'abc')), { 'instance-id': 'fleetune-barn-1-abc' });
});

test('of a seed nobody but root reads what is secret, and the key comes from the bundle that was checked', async (t) => {
  const { at } = boardIn(t);
  writeFileSync(at('fleetune.deb'), 'a package');
  writeFileSync(at('text.jsonl'), '{}');
  const bundle = { own: { certificate: 'a certificate', key: 'a key' }, authority: 'an authority' };
  const identity = { kind: 'bundle', bundle, settings: 'id: barn-1\n' } as const;
  const made = await seedEntries(
    { ...board, identity, texts: { data: at('text.jsonl') } },
    at('fleetune.deb'),
  );
  const rights = new Map(made.map(({ path, mode }) => [path, mode.toString(8)]));
  assert.deepEqual(
    ['tls/tls.key', 'data/text.jsonl', 'device.env', 'tls/tls.crt', 'install'].map((path) =>
      rights.get(path),
    ),
    ['600', '600', '600', '644', '755'],
  );
  assert.equal(made.find(({ path }) => path === 'tls/tls.key')!.content, 'a key');
});
