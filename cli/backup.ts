import { constants } from 'node:os';
import { backUp } from '../coordinator/backup.js';
import { coordinatorSettings } from '../coordinator/main.js';
import { restore } from '../coordinator/restore.js';
import { becomeOwnerOf } from '../runtime/owner.js';
import { readArguments } from '../runtime/settings.js';
import { packageVersion } from '../runtime/version.js';
import { Refusal } from '../schemas/refusal.js';
import type { SettingTable } from '../schemas/settings.js';
import type { CommandTitle } from './commands.js';
import { bytesText, counted } from './tables.js';

const { runs } = coordinatorSettings;
export const backupSettings = { runs } satisfies SettingTable;

/** `fleetune backup FILE`. */
export async function backup(argv: readonly string[], title: CommandTitle): Promise<void> {
  const { file, folder } = read(argv, title);
  exitOnSignals();
  const { runs: count, open, files, bytes, sha256 } = await backUp(folder, file, packageVersion());
  const goesOn = open === undefined ? '' : `, of which ${open} goes on`;
  process.stdout.write(
    `${file}: ${counted(count, 'run')}${goesOn}; ${counted(files, 'file')}, ${bytesText(bytes)}\nsha256 ${sha256}\n`,
  );
}

/** `fleetune restore FILE`. */
export async function restoreBackup(argv: readonly string[], title: CommandTitle): Promise<void> {
  const { file, folder } = read(argv, title);
  exitOnSignals();
  await becomeOwnerOf(folder);
  const { manifest, runs: count, open } = await restore(file, folder, Date.now());
  const goesOn = open === undefined ? 'none is open' : `${open} goes on when the coordinator is started`;
  process.stdout.write(`${folder}: ${counted(count, 'run')} as of ${manifest.madeAt}; ${goesOn}\n`);
}

/** Ctrl-C is an end like another, so that what was begun is taken away. */
function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => process.exit(128 + constants.signals[signal]));
}

/** The settings of a coordinator, so that its own file does for --config. */
function read(argv: readonly string[], { name, summary }: CommandTitle): { file: string; folder: string } {
  const sources = { argv, env: process.env, command: name, summary: `${summary}: ${name} FILE` };
  const asked = argv.some((word) => word === '--help' || word === '-h');
  const { settings, operands } = readArguments(asked ? backupSettings : coordinatorSettings, sources, 1);
  const [file] = operands;
  if (!file) throw new Refusal(`${name}: needs the FILE of a backup\n(${name} --help lists its settings)`);
  return { file, folder: settings.runs };
}
