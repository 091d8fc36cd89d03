import { createHash } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { writeAtomic } from '../../runtime/files.js';
import { told } from '../../runtime/log.js';
import { readArguments } from '../../runtime/settings.js';
import { Refusal } from '../../schemas/refusal.js';
import type { SettingTable } from '../../schemas/settings.js';
import type { RunSummary } from '../../schemas/status.js';
import type { CommandTitle } from '../commands.js';
import { bytesText } from '../tables.js';
import { factsOf } from './facts.js';
import { reportPage } from './page.js';
import type { FileCheck } from './particulars.js';
import { findRun, pointFolders, type RunFolder } from './places.js';
import { readPoints } from './points.js';

export const reportSettings = {
  runs: { kind: 'text', default: './runs', help: 'folder that keeps the runs' },
  out: { kind: 'text', default: '', help: 'the file to write; none: report.html in the run’s folder' },
  telemetry: {
    kind: 'list',
    default: [],
    help: 'more folders of points, as the spool of a device that kept its own',
  },
} satisfies SettingTable;

/** `fleetune report RUN`: a run as one HTML file. */
export async function report(argv: readonly string[], { name, summary }: CommandTitle): Promise<void> {
  const sources = { argv, env: process.env, command: name, summary };
  const { settings, operands } = readArguments(reportSettings, sources, 1);
  const { runs, out, telemetry } = settings;
  const [word] = operands;
  if (!word) throw new Refusal(`${name}: which run? Give its name, "latest", or the path of its folder`);
  const missing = telemetry.filter((folder) => !existsSync(folder));
  if (missing.length > 0) throw new Refusal(`${name}: --telemetry: there is no folder ${missing.join(', ')}`);
  const run = await findRun(word, runs);
  const path = await writeReport(run, out, telemetry);
  process.stdout.write(`${relative(process.cwd(), path) || path}: ${bytesText(statSync(path).size)}\n`);
}

/** @param out '': beside the run @returns where the report is @throws Refusal where it can't be written there */
export async function writeReport(
  { folder, summary }: RunFolder,
  out = '',
  telemetry: readonly string[] = [],
): Promise<string> {
  const path = out || join(folder, 'report.html');
  requireFile(path);
  const { points, cut } = await readPoints([...pointFolders(folder), ...telemetry], summary);
  const adapter = await checkAdapter(folder, summary);
  const page = { adapter, madeAt: new Date().toISOString(), points: points.length, cut };
  const text = reportPage(factsOf(summary, points), page);
  await writeAtomic(path, text).catch((cause) => {
    throw new Refusal(`can’t write the report to ${path}: ${told(cause)}`);
  });
  return path;
}

function requireFile(path: string): void {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there?.isDirectory())
    throw new Refusal(`${path} is a folder: give a file (--out ${join(path, 'report.html')})`);
  const home = dirname(resolve(path));
  if (!existsSync(home)) throw new Refusal(`there is no folder ${home} for ${basename(path)}`);
}

async function checkAdapter(folder: string, { adapter }: RunSummary): Promise<FileCheck> {
  if (!adapter) return 'absent';
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(join(folder, adapter.path, 'adapter_model.safetensors')), hash);
  } catch {
    return 'absent';
  }
  return hash.digest('hex') === adapter.sha256 ? 'same' : 'differs';
}
