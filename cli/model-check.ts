import { totalmem } from 'node:os';
import { type Inspection, inspectModel, type StepCost, stepCost } from '../device/engine/engine.js';
import { readArguments } from '../runtime/settings.js';
import { engineSettings } from '../schemas/engine-settings.js';
import { Refusal } from '../schemas/refusal.js';
import { runSettings } from '../schemas/run-settings.js';
import type { SettingTable } from '../schemas/settings.js';
import type { CommandTitle } from './commands.js';
import { familyOf } from './model-family.js';
import { readRecord } from './pull/record.js';
import { bytesText, counted, table } from './tables.js';

const { batchSize, maxSourceTokens, maxTargetTokens, loraRank, loraTargets } = runSettings;

export const modelCheckSettings = {
  ...{ batchSize, maxSourceTokens, maxTargetTokens, loraRank, loraTargets },
  recompute: engineSettings.recompute,
  json: { kind: 'flag', default: false, help: 'all of it as one JSON object' },
} satisfies SettingTable;

/** A way to run the engine, and what a step costs that way. */
interface Way extends StepCost {
  memoryOption: 'fast' | 'small';
  baseBits: '32' | '8' | '4';
}

/** `fleetune model check FOLDER`: what it is, all that is wrong with it, what a LoRA step costs. Exit code 1: not usable. */
export async function checkModel(argv: readonly string[], { name, summary }: CommandTitle): Promise<void> {
  const { settings, operands } = readArguments(
    modelCheckSettings,
    { argv, env: process.env, command: name, summary },
    1,
  );
  const [folder] = operands;
  if (!folder) throw new Refusal(`${name}: needs the FOLDER of a model\n(${name} --help lists its settings)`);
  const found = await inspectModel(folder);
  const ways = found.config && found.problems.length === 0 ? waysOf(found, settings) : [];
  const pulled = await readRecord(folder);
  const from = pulled ? `${pulled.model} at ${pulled.commit}` : undefined;
  const { config, weights: _, ...rest } = found;
  const text = settings.json
    ? JSON.stringify(
        { folder, usable: found.problems.length === 0, from, config, ...rest, step: ways },
        null,
        2,
      )
    : [...described(folder, found, from), ...costs(ways, settings)].join('\n');
  process.stdout.write(`${text}\n`);
  process.exitCode = found.problems.length > 0 ? 1 : 0;
}

type CheckSettings = {
  batchSize: number;
  maxSourceTokens: number;
  maxTargetTokens: number;
  loraRank: number;
  loraTargets: readonly string[];
  recompute: boolean;
};

function waysOf({ config, weights }: Inspection, settings: CheckSettings): Way[] {
  const lora = { rank: settings.loraRank, alpha: settings.loraRank, targets: [...settings.loraTargets] };
  const size = {
    batch: settings.batchSize,
    source: settings.maxSourceTokens,
    target: settings.maxTargetTokens,
  };
  return (['32', '8', '4'] as const).flatMap((baseBits) =>
    (['fast', 'small'] as const).map((memory) => ({
      ...{ memoryOption: memory, baseBits },
      ...stepCost(config!, weights, lora, size, { memory, baseBits, recompute: settings.recompute }),
    })),
  );
}

function described(folder: string, found: Inspection, from: string | undefined): string[] {
  const { config, parameters, dtypes, files, tokens, unused, problems } = found;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const millions = (parameters / 1e6).toFixed(1);
  const named = Object.entries(dtypes).map(([dtype, numbers]) =>
    Object.keys(dtypes).length === 1 ? dtype : `${dtype} ${((100 * numbers) / parameters).toFixed(1)} %`,
  );
  return [
    folder,
    ...(from ? [`  pulled      ${from}`] : []),
    ...(config ? [`  model       ${familyOf(config)}, ${millions} million parameters`] : []),
    ...(files.length > 0
      ? [`  weights     ${named.join(', ')}, ${bytesText(bytes)} in ${counted(files.length, 'file')}`]
      : []),
    ...(tokens === undefined ? [] : [`  tokenizer   ${tokens} tokens`]),
    ...(unused.length > 0
      ? [
          `  not read    ${counted(unused.length, 'tensor')} that T5 does not have: ${unused.slice(0, 3).join(', ')}`,
        ]
      : []),
    ...(problems.length > 0 ? ['', `not usable: ${counted(problems.length, 'problem')}`] : []),
    ...problems.map((problem) => `  - ${problem}`),
  ];
}

function costs(ways: readonly Way[], settings: CheckSettings): string[] {
  const [first] = ways;
  if (!first) return [];
  const {
    batchSize: batch,
    maxSourceTokens: source,
    maxTargetTokens: target,
    loraRank,
    loraTargets,
  } = settings;
  const lora = `r=${loraRank} on ${loraTargets.join(', ')}`;
  const rows = table<Way>(
    [
      { title: '--memory', cell: ({ memoryOption }) => memoryOption },
      { title: '--base-bits', cell: ({ baseBits }) => baseBits, right: true },
      { title: 'mapped', cell: ({ memory }) => bytesText(memory.mapped), right: true },
      { title: 'casts', cell: ({ memory }) => bytesText(memory.copies.casts), right: true },
      { title: 'prepacked', cell: ({ memory }) => bytesText(memory.copies.prepacked), right: true },
      { title: 'quantized', cell: ({ memory }) => bytesText(memory.copies.quantized), right: true },
      { title: 'activations', cell: ({ memory }) => bytesText(memory.activations), right: true },
      { title: 'in all', cell: ({ memory }) => bytesText(memory.total), right: true },
      { title: '', cell: ({ memory }) => (memory.total > totalmem() ? 'more than is here' : '') },
    ],
    ways,
  );
  const kept = settings.recompute ? ', layers computed again' : '';
  return [
    '',
    `A LoRA step (${lora}; batch ${batch}, ${source} source and ${target} target tokens${kept}):`,
    `  ${(first.flops / 1e9).toFixed(1)} GFLOP by the formula; an adapter is ${bytesText(first.adapterBytes)} in float32`,
    '',
    'Memory at its peak, estimated. The runtime’s own copies of the weights are casts, prepacked and quantized:',
    rows,
  ];
}
