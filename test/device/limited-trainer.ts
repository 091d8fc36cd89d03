/** The trainer process under a memory limit, by FLEETUNE_TEST_LIMIT: `data:BYTES` (prlimit) or `group:FOLDER` (cgroup). */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [kind, value] = (process.env.FLEETUNE_TEST_LIMIT ?? '').split(':');
if (kind === 'data') execFileSync('prlimit', ['--pid', String(process.pid), `--data=${value}`]);
if (kind === 'group') writeFileSync(join(value!, 'cgroup.procs'), String(process.pid));
await import('../../device/trainer-process.js');
