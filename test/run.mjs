// `npm test`: formatter and linter, the compiler, then every test file that has a source, by Node's own runner.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));

/** Reasons for which a test may be skipped where CI is set: what such a machine can't have. */
const skipsInContinuousIntegration = [
  /\.\.\/shared/, // Data sets and T5's tokenizer lie beside the project.
  /^this user may not mount a small file system$/, // A container's root may not.
  /^only root may give files away$/,
  /^script of util-linux is not installed$/,
];
const fileLimitMs = 240_000;

/** The compiled form of each test/<...>.test.ts: never a file whose source has gone. */
function testFiles(folder = 'test') {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return testFiles(path);
    return path.endsWith('.test.ts') ? [join('dist', path.replace(/\.ts$/, '.js'))] : [];
  });
}

function check(title, ...args) {
  console.log(`fleetune: ${title}`);
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const files = process.argv.slice(2).length > 0 ? process.argv.slice(2) : testFiles().sort();
const missing = files.filter((file) => !existsSync(file));
if (missing.length > 0) {
  console.error(`fleetune: not built: ${missing.join(', ')}: run npm run build`);
  process.exit(1);
}
if (process.argv.length === 2) {
  check('format and lint', 'node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.');
  check('types', 'node_modules/typescript/bin/tsc', '-p', '.', '--noEmit');
}

// Fleet tests run five processes each: more than two files at a time would measure the machine, not the code.
const tests = run({ files, concurrency: 2, timeout: fileLimitMs });
tests.on('test:fail', () => {
  process.exitCode = 1;
});
tests.on('test:pass', ({ name, skip }) => {
  if (skip === undefined || !process.env.CI) return;
  if (typeof skip === 'string' && skipsInContinuousIntegration.some((reason) => reason.test(skip))) return;
  console.error(`fleetune: "${name}" was skipped (${skip}), which continuous integration does not allow`);
  process.exitCode = 1;
});
tests.compose(new spec()).pipe(process.stdout);
