import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { initModel, weightTypes } from '../device/engine/engine.js';
import { requireFolder } from '../runtime/files.js';
import { readArguments } from '../runtime/settings.js';
import { Refusal } from '../schemas/refusal.js';
import type { SettingTable } from '../schemas/settings.js';
import type { CommandTitle } from './commands.js';
import { bytesText } from './tables.js';

export const modelInitSettings = {
  config: { kind: 'text', default: '', help: 'config.json of a T5: the geometry' },
  tokenizer: { kind: 'text', default: '', help: 'tokenizer.json, or the folder that holds one' },
  dtype: { kind: 'choice', default: 'F32', choices: weightTypes, help: 'of the weights' },
  shardBytes: {
    kind: 'integer',
    default: 0,
    min: 0,
    max: 2 ** 50,
    help: 'of a file of weights; 0: all are in model.safetensors',
  },
  seed: { kind: 'integer', default: 1, min: 0, max: 2 ** 32 - 1, help: 'of the random weights' },
} satisfies SettingTable;

/** `fleetune model init --config FILE --tokenizer FILE FOLDER`. */
export async function initModelFolder(
  argv: readonly string[],
  { name, summary }: CommandTitle,
): Promise<void> {
  const { settings, operands } = readArguments(
    modelInitSettings,
    { argv, env: process.env, command: name, summary },
    1,
  );
  const [folder] = operands;
  const lacking = [
    ...(settings.config ? [] : ['--config FILE']),
    ...(settings.tokenizer ? [] : ['--tokenizer FILE']),
    ...(folder ? [] : ['FOLDER to write']),
  ];
  if (!folder || lacking.length > 0)
    throw new Refusal(`${name}: needs ${lacking.join(', ')}\n(${name} --help lists its settings)`);
  const config = await fileIn(settings.config, 'config.json');
  const tokenizer = await fileIn(settings.tokenizer, 'tokenizer.json');
  await requireFolder(folder, 'the model folder');
  const { dtype, shardBytes, seed } = settings;
  const files = await initModel(config, tokenizer, folder, seed, { dtype, shardBytes });
  let bytes = 0;
  for (const file of files) bytes += (await stat(join(folder, file))).size;
  const where = files.length > 1 ? ` in ${files.length} files` : '';
  process.stdout.write(`${folder}: ${dtype} weights of ${bytesText(bytes)}${where}, random, seed ${seed}\n`);
}

/** A file that is named itself or by its folder. @throws Refusal where it is not there */
async function fileIn(path: string, name: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  const file = found?.isDirectory() ? join(path, name) : path;
  if (!(await stat(file).catch(() => undefined))?.isFile())
    throw new Refusal(`${file}: no such file: give a ${name} or the folder that holds one`);
  return file;
}
