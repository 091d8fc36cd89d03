import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bareRoot } from './root.js';
import { steps } from './steps.js';
import type { Workplace } from './workplace.js';

/**
 * `npm run check:board`: a board's whole way, emulated: package, checks, first boot, enrolment, a round, kill −9. It
 * installs nothing on this machine. `-- --keep` leaves the board's root to be looked at.
 */
const needed: Readonly<Record<string, string>> = {
  'dpkg-deb': 'dpkg',
  'apt-get': 'apt',
  lintian: 'lintian',
  perl: 'perl-base',
  unshare: 'util-linux',
  'qemu-aarch64-static': 'qemu-user-static',
};

const folders = (process.env.PATH ?? '').split(':');
const missing = Object.entries(needed).filter(
  ([tool]) => !folders.some((folder) => existsSync(join(folder, tool))),
);
if (missing.length > 0) {
  console.error(
    `check:board: missing on this machine: apt install ${missing.map(([, name]) => name).join(' ')}`,
  );
  process.exit(1);
}
if (process.getuid?.() !== 0) {
  console.error(
    'check:board: run it as root, which the emulated board’s own root stands on (in a namespace)',
  );
  process.exit(1);
}

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fleetune');
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), 'fleetune-board-'));
const later = {
  fleet: undefined,
  machine: undefined,
  systemd: undefined,
  service: undefined,
  booted: undefined,
};
const place: Workplace = { folder, cache, bareRoot: () => bareRoot(cache), ends: [], ...later };
let passed = 0;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void finish().then(() => process.exit(130)));
try {
  for (const [name, step] of steps) {
    const startMs = performance.now();
    const found = await step(place);
    passed++;
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1).padStart(6);
    console.log(`ok ${seconds} s  ${name}${found ? `: ${found}` : ''}`);
  }
} catch (error) {
  console.error(`FAILED  ${steps[passed]![0]}: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
await finish();
console.log(`check:board: ${passed} of ${steps.length} steps passed`);

/** Ends all that was started. */
async function finish(): Promise<void> {
  for (let end = place.ends.pop(); end; end = place.ends.pop()) await end();
  if (process.argv.includes('--keep')) console.log(`kept: ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}
