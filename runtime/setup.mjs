// Makes a fresh clone ready, before `npm start` and `npm test`: installs where the lock file is not what is installed,
// compiles the .proto files and the TypeScript where they changed. A warm start does nothing and needs no network.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const oldest = 20;
if (Number.parseInt(process.version.slice(1), 10) < oldest) {
  console.error(`fleetune: this is Node ${process.version}: ${oldest} or later is needed`);
  process.exit(1);
}

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const protos = ['schemas/fleet.proto', 'device/engine/onnx.proto'];
const rooms = [
  'schemas',
  'runtime',
  'telemetry',
  'identity',
  'broker',
  'device',
  'coordinator',
  'builtin',
  'cli',
  'grafana',
  'supply',
  'image',
  'bench',
  'test',
];
/** A program that says itself what is wrong with what it was given. */
function call(program, args, otherwise = '') {
  const { status, error } = spawnSync(program, args, { stdio: 'inherit' });
  if (status === 0) return;
  const why = error ? `: ${error.message}` : '';
  console.error(`fleetune: ${[program, ...args].join(' ')} failed${why}${otherwise}`);
  process.exit(1);
}
const command = (file, ...args) => call(process.execPath, [file, ...args]);
const hash = (...files) =>
  files.reduce((h, f) => h.update(f).update(readFileSync(f)), createHash('sha256')).digest('hex');
const stamped = (stamp, value) => existsSync(stamp) && readFileSync(stamp, 'utf8') === value;

/** All below a folder, but for what is generated. */
function filesOf(folder, ending) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'generated' ? [] : filesOf(path, ending);
    return ending.test(path) ? [path] : [];
  });
}

const installed = hash('package-lock.json', 'package.json') + process.version.split('.')[0];
if (!stamped('node_modules/.fleetune-installed', installed)) {
  console.log('fleetune: installing packages (npm ci)');
  // No package needs its install script; onnxruntime-node's downloads CUDA libraries where somebody asks for them.
  const scripts = process.env.ONNXRUNTIME_NODE_INSTALL ? [] : ['--ignore-scripts'];
  const argv = ['ci', '--include=dev', ...scripts, '--no-audit', '--no-fund', '--loglevel=error'];
  call('npm', argv, ': to install takes a network, once');
  writeFileSync('node_modules/.fleetune-installed', installed);
}

const built = hash(
  ...rooms.flatMap((room) => filesOf(room, /\.(ts|proto)$/)).sort(),
  'tsconfig.json',
  'package-lock.json',
  'runtime/setup.mjs',
);
if (!stamped('dist/.built', built)) {
  console.log('fleetune: building');
  for (const proto of protos) {
    const out = join(dirname(proto), 'generated');
    const name = proto.split('/').at(-1).replace('.proto', '');
    mkdirSync(out, { recursive: true });
    const js = join(out, `${name}.js`);
    const current = hash(proto);
    if (!stamped(`${js}.sha256`, current)) {
      const bin = 'node_modules/protobufjs-cli/bin';
      command(
        `${bin}/pbjs`,
        '-t',
        'static-module',
        '-w',
        'es6',
        '--force-number',
        '--no-service',
        '-o',
        js,
        proto,
      );
      command(`${bin}/pbts`, '-o', join(out, `${name}.d.ts`), js);
      writeFileSync(`${js}.sha256`, current);
    }
    mkdirSync(join('dist', out), { recursive: true });
    cpSync(js, join('dist', js));
  }
  command('node_modules/typescript/bin/tsc', '-p', '.');
  for (const made of rooms.flatMap((room) => filesOf(join('dist', room), /\.js$/)))
    if (!existsSync(relative('dist', made).replace(/js$/, 'ts'))) rmSync(made); // A test without its source would run on.
  writeFileSync('dist/.built', built);
}
