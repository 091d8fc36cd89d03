import { basename } from 'node:path';
import { readArguments } from '../runtime/settings.js';
import { Refusal } from '../schemas/refusal.js';
import type { SettingTable } from '../schemas/settings.js';
import type { CommandTitle } from './commands.js';
import { readAccess } from './pull/access.js';
import { isMirror } from './pull/mirror.js';
import { createPullView } from './pull/progress.js';
import { pull } from './pull/pull.js';
import { stopOnSignals } from './signals.js';
import { bytesText } from './tables.js';

export const modelPullSettings = {
  revision: { kind: 'text', default: 'main', help: 'a branch, a tag or a commit of the model' },
  folder: { kind: 'text', default: '', help: 'to write; none: the model’s own name, here' },
  sums: {
    kind: 'text',
    default: '',
    help: 'a SHA256SUMS file to hold a folder’s or an address’s files against; none: the one that lies there',
  },
  retries: {
    kind: 'integer',
    default: 6,
    min: 0,
    max: 1000,
    help: 'tries after a lost connection that get no further',
  },
  retryS: {
    kind: 'number',
    default: 1,
    min: 0.01,
    max: 600,
    help: 'seconds before the first of them; then doubled',
  },
  stallS: {
    kind: 'number',
    default: 30,
    min: 0.1,
    max: 3600,
    help: 'seconds without a byte: a lost connection',
  },
} satisfies SettingTable;

/** `fleetune model pull google/flan-t5-small [--revision R] [--folder F]`; or a folder's path, or an address. */
export async function pullModel(argv: readonly string[], { name, summary }: CommandTitle): Promise<void> {
  const { settings, operands } = readArguments(
    modelPullSettings,
    { argv, env: process.env, command: name, summary },
    1,
  );
  const [model] = operands;
  if (!model || !(isMirror(model) || /^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/.test(model)))
    throw new Refusal(
      `${name}: ${model ? `"${model}" is no name of a model` : 'needs the name of a model'}: ` +
        `expected one of the hub, as google/flan-t5-small, or a folder or address, as /media/stick/flan-t5-small\n` +
        `(${name} --help lists its settings)`,
    );
  if (settings.sums !== '' && !isMirror(model))
    throw new Refusal(`${name}: --sums: the hub has hashes of its own; it is for a folder or an address`);
  const access = await readAccess(process.env);
  const view = createPullView(process.stderr);
  const stopped = new AbortController();
  const { revision, sums } = settings;
  const request = { model, revision, sums, folder: settings.folder || basename(model) };
  const patience = {
    retries: settings.retries,
    waitMs: settings.retryS * 1000,
    stallMs: settings.stallS * 1000,
    signal: stopped.signal,
    note: (text: string) => view.note(text),
  };
  const pulling = pull(request, access, patience, view, (config) => requireT5(model, config));
  const isStopping = stopOnSignals(
    async () => {
      stopped.abort();
      await pulling.catch(() => undefined);
      process.stderr.write('stopped; what has come is kept: the same command goes on from there\n');
    },
    () => {},
  );
  try {
    const { commit, files, bytes } = await pulling;
    const size = bytesText(files.reduce((sum, file) => sum + file.size, 0));
    const what = `${model} at ${commit.slice(0, 12)}, ${files.length} files, ${size}`;
    const came = bytes > 0 ? 'all hashes checked' : 'all there already, nothing downloaded';
    process.stdout.write(`${request.folder}: ${what}: ${came}\n`);
  } catch (error) {
    if (!isStopping()) throw error;
  }
}

/** Refuses a model that the engine can't do before its weights are fetched. */
async function requireT5(model: string, configPath: string): Promise<void> {
  const { readConfigFile } = await import('../device/engine/engine.js');
  await readConfigFile(configPath).catch((error: Error) => {
    if (!(error instanceof Refusal)) throw error;
    throw new Refusal(error.message.replace(configPath, `${model} can't be used: its config.json`));
  });
}
