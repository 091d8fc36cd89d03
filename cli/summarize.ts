import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { type Adapter, openEngine, requireDecoding } from '../device/engine/engine.js';
import { chooseFields } from '../device/shard-fields.js';
import { rowsOf } from '../device/shard-rows.js';
import { readText } from '../device/shard-text.js';
import { maxShardBytes } from '../device/shards.js';
import { readArguments } from '../runtime/settings.js';
import { engineOptions, engineSettings } from '../schemas/engine-settings.js';
import { parseAdapterConfig } from '../schemas/peft.js';
import { Refusal } from '../schemas/refusal.js';
import { runSettings } from '../schemas/run-settings.js';
import type { SettingsOf, SettingTable } from '../schemas/settings.js';
import { decodeSafetensors } from '../schemas/tensors.js';
import { builtinModel } from './builtin-model.js';
import type { CommandTitle } from './commands.js';
import { ownPeakBytes } from './memory.js';

const { prefix, maxSourceTokens, maxTargetTokens } = runSettings;

export const summarizeSettings = {
  model: { kind: 'text', default: builtinModel, help: 'Hugging Face folder of a T5' },
  adapter: { kind: 'text', default: '', help: 'PEFT folder of a LoRA adapter' },
  dialogueField: { kind: 'text', default: '', help: 'of a JSON, JSON Lines or CSV file; none: detected' },
  limit: { kind: 'integer', default: 100, min: 1, max: 100_000, help: 'rows of such a file at most' },
  threads: { kind: 'integer', default: 2, min: 1, max: 256, help: 'of the processor' },
  ...engineSettings,
  json: { kind: 'flag', default: false, help: 'print one JSON text a line: in it no line breaks' },
  prefix,
  maxSourceTokens,
  maxTargetTokens,
  minTargetTokens: {
    kind: 'integer',
    default: 0,
    min: 0,
    max: 2048,
    help: 'tokens that a summary has before it may end',
  },
  beams: { kind: 'integer', default: 1, min: 1, max: 64, help: 'of the search; 1: greedy, the fastest' },
  lengthPenalty: {
    kind: 'number',
    default: 1,
    min: -10,
    max: 10,
    help: 'beams are ranked by log-probability / length^X: above 0, longer is better',
  },
  noRepeatNgram: {
    kind: 'integer',
    default: 0,
    min: 0,
    max: 2048,
    help: 'no sequence of N tokens comes twice in a summary; 0: any may',
  },
  earlyStopping: {
    kind: 'choice',
    default: 'false',
    choices: ['true', 'false', 'never'] as const,
    help: 'of a search whose beams have all ended: true at once, false unless a running beam is better by now, never unless it could still become better',
  },
  batchSize: {
    kind: 'integer',
    default: 16,
    min: 1,
    max: 1024,
    help: 'dialogues that are summarized at once',
  },
} satisfies SettingTable;

/** `fleetune summarize [FILE]`: a line for each dialogue; a plain text file, or standard input, is one dialogue. */
export async function summarize(argv: readonly string[], { name, summary }: CommandTitle): Promise<void> {
  const { settings, operands } = readArguments(
    summarizeSettings,
    { argv, env: process.env, command: name, summary },
    1,
  );
  const options = summaryOptions(settings);
  requireDecoding({ ...options, maxTokens: settings.maxTargetTokens }); // Before somebody types a dialogue.
  const sources = await readSources(operands[0], settings);
  const adapter = settings.adapter === '' ? undefined : await readAdapter(settings.adapter);
  const engine = await openEngine(settings.model, { threads: settings.threads, ...engineOptions(settings) });
  try {
    for (const line of await engine.summarize(adapter, sources, settings, options))
      process.stdout.write(`${settings.json ? JSON.stringify(line) : line}\n`);
  } finally {
    await engine.release();
  }
  process.send?.({ peakRssBytes: ownPeakBytes() }); // To a demo: the process is too short to be watched.
}

const summaryOptions = (settings: SettingsOf<typeof summarizeSettings>) => ({
  beams: settings.beams,
  lengthPenalty: settings.lengthPenalty,
  noRepeatNgram: settings.noRepeatNgram,
  minTokens: settings.minTargetTokens,
  earlyStopping:
    settings.earlyStopping === 'never' ? settings.earlyStopping : settings.earlyStopping === 'true',
  batchSize: settings.batchSize,
});

/** A LoRA adapter as PEFT writes it. @throws Refusal that names the file */
export async function readAdapter(folder: string): Promise<Adapter> {
  const [config, weights] = ['adapter_config.json', 'adapter_model.safetensors'].map((file) =>
    join(folder, file),
  ) as [string, string];
  const read = (path: string) =>
    readFile(path).catch((cause) => {
      throw new Refusal(`${path}: ${cause.code}: expected a PEFT adapter's folder`);
    });
  const tensors = decodeSafetensors(await read(weights), weights);
  return { lora: parseAdapterConfig((await read(config)).toString(), config, tensors.keys()), tensors };
}

/** One dialogue of a plain text file or standard input; those of all rows of a JSON, JSON Lines or CSV file. */
async function readSources(
  path: string | undefined,
  { dialogueField, limit }: { dialogueField: string; limit: number },
): Promise<string[]> {
  const isTyped = path === undefined || path === '-';
  if (isTyped && process.stdin.isTTY) process.stderr.write('fleetune: type a dialogue, then Ctrl-D\n');
  const text = isTyped ? await textOf(process.stdin) : await readText(path, maxShardBytes);
  if (!path || !/\.(json|jsonl|ndjson|csv)(\.gz)?$/i.test(path)) {
    if (text.trim() === '') throw new Refusal(`${path ?? 'standard input'}: empty, expected a dialogue`);
    return [text.trim()];
  }
  const rows = await rowsOf(text, path);
  // What is to be summarized needs no summary yet.
  const asked = rows.map(({ values, line }) => ({ values: { summary: '', ...values }, line }));
  const { dialogue } = chooseFields(asked, path, { dialogueField, tell: 'fields' });
  const sources = rows.slice(0, limit).map(({ values }) => values[dialogue]);
  return sources.filter((source): source is string => typeof source === 'string' && source.trim() !== '');
}
