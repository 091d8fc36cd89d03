import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { forkService } from '../../bench/forked.js';
import { commands } from '../../cli/commands.js';
import { type Architecture, isWanted, pack } from '../../supply/pack.js';
import { type ServiceName, serviceNames, services } from '../../supply/services.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fleetune-pack-'));
after(() => rmSync(folder, { recursive: true }));
const arch = process.arch as Architecture;
const other: Architecture = arch === 'x64' ? 'arm64' : 'x64';
const packed = Object.fromEntries(
  serviceNames.map((service) => {
    const out = join(folder, service);
    return [service, { out, parts: pack({ root, service, arch, out }) }];
  }),
) as Record<ServiceName, { out: string; parts: ReturnType<typeof pack> }>;
const run = (service: ServiceName, ...argv: string[]) =>
  execFileSync(process.execPath, [join(packed[service].out, 'dist/cli/main.js'), ...argv], {
    encoding: 'utf8',
    stdio: 'pipe',
    cwd: folder,
  });

test('the table of services names commands that are there, by the modules that the commands load', () => {
  const table = readFileSync(join(root, 'dist/cli/commands.js'), 'utf8');
  for (const { commands: carried } of Object.values(services)) {
    for (const [name, doors] of Object.entries<readonly string[]>(carried)) {
      assert.ok(Object.hasOwn(commands, name), name);
      for (const door of doors) {
        const specifier = door.startsWith('cli/') ? `./${door.slice(4)}` : `../${door}`;
        assert.ok(table.includes(`('${specifier}')`), `${name}: ${specifier}`);
      }
    }
  }
});

test('every command of a pack loads there, and the others are said to be elsewhere', () => {
  for (const service of serviceNames) {
    for (const name of Object.keys(services[service].commands))
      assert.match(run(service, ...name.split(' '), '--help'), new RegExp(`^fleetune ${name}: `));
    assert.throws(() => run(service, 'demo'), new RegExp(`was packed for the ${service}`));
    assert.doesNotMatch(run(service, 'help'), /fleetune demo/);
  }
});

test('a broker carries no engine, a coordinator neither', () => {
  for (const service of ['broker', 'coordinator'] as const) {
    const { packages, modules } = packed[service].parts;
    assert.equal(packages.includes('node_modules/onnxruntime-node'), false);
    assert.deepEqual(
      modules.filter((path) => path.startsWith('dist/device/')),
      [],
    );
  }
});

test('the device carries one native library, of the architecture that was asked for', () => {
  const native = (out: string) => readdirSync(join(out, 'node_modules/onnxruntime-node/bin/napi-v6/linux'));
  assert.deepEqual(native(packed.device.out), [arch]);
  assert.deepEqual(readdirSync(join(packed.device.out, 'node_modules/onnxruntime-node/bin/napi-v6')), [
    'linux',
  ]);
  const out = join(folder, 'elsewhere');
  pack({ root, service: 'device', arch: other, out });
  assert.deepEqual(native(out), [other]);
});

test('what nobody loads stays behind, a licence never', () => {
  const left = ['index.d.ts', 'dist/a.js.map', 'lib/x.mts', 'bin/napi-v6/win32/x64/a.dll', 'a/node_modules'];
  for (const path of left) assert.equal(isWanted(path, 'x64'), false, path);
  const kept = [
    '',
    'LICENSE',
    'LICENSE.md',
    'dist/a.js',
    'bin',
    'bin/napi-v6/linux',
    'bin/napi-v6/linux/x64/a.so',
  ];
  for (const path of kept) assert.equal(isWanted(path, 'x64'), true, path);
  assert.equal(isWanted('bin/napi-v6/linux/arm64', 'x64'), false);
});

test('a packed device finds its engine and model, and a packed broker lets it in', async () => {
  const { out } = packed.device;
  const dialogue = { dialogue: 'A: it is cold. B: I mend it.', summary: 'B mends it.' };
  writeFileSync(join(folder, 'in.jsonl'), `${JSON.stringify(dialogue)}\n`);
  assert.ok(existsSync(join(out, 'builtin/model/model.safetensors')));
  const summaries = run('device', 'summarize', join(folder, 'in.jsonl'), '--max-target-tokens', '4');
  assert.notEqual(summaries.trim(), '');
  const main = (service: ServiceName) => join(packed[service].out, 'dist/cli/main.js');
  const broker = await forkService(main('broker'), ['broker', '--port', '0', '--ws-port', '-1']);
  const at = ['--broker', `mqtt://127.0.0.1:${broker.ready.port}`, '--state', join(folder, 'state')];
  const text = ['--model', join(out, 'builtin/model'), '--data', join(folder, 'in.jsonl')];
  const device = await forkService(main('device'), ['device', '--id', 'packed', ...at, ...text]);
  await device.end();
  await broker.end();
});

test('a folder in use is refused, and so is a checkout that is not built', () => {
  assert.throws(() => pack({ root, service: 'broker', arch, out: packed.broker.out }), /is not empty/);
  const bare = join(folder, 'bare');
  mkdirSync(bare);
  const out = join(folder, 'never');
  assert.throws(() => pack({ root: bare, service: 'broker', arch, out }), /is not built: run npm run build/);
});
