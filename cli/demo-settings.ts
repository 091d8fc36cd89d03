import { readArguments } from '../runtime/settings.js';
import { engineSettings } from '../schemas/engine-settings.js';
import { Refusal } from '../schemas/refusal.js';
import { presets, type RunSettings, runSettings } from '../schemas/run-settings.js';
import { checkSettings, type SettingsOf, type SettingTable } from '../schemas/settings.js';
import { builtinModel } from './builtin-model.js';
import type { CommandTitle } from './commands.js';
import { presetSetting } from './rounds.js';

type RunDefaults = Partial<Record<keyof RunSettings, RunSettings[keyof RunSettings]>>;

/** So small a model needs more than q and v to take up the words and the order of facts of a new kind of summary. */
const everyLinear = ['q', 'k', 'v', 'o', 'wi_0', 'wi_1', 'wo'] as const;

/**
 * Settings of the run that the demo takes where nobody says otherwise: bounds on its time, on two cores with three
 * devices. `builtin`: under 90 s; `text` (own text, built-in model) and `model` (a model folder): under 5 minutes.
 */
export const demoDefaults: Record<'builtin' | 'text' | 'model', RunDefaults> = {
  builtin: {
    rounds: 5,
    steps: 30,
    batchSize: 8,
    learningRate: 0.003,
    loraTargets: everyLinear,
    maxSourceTokens: 192,
    maxTargetTokens: 64,
    evaluationExamples: 30,
  },
  text: {
    rounds: 3,
    steps: 60,
    batchSize: 8,
    learningRate: 0.003,
    loraTargets: everyLinear,
    maxSourceTokens: 256,
    maxTargetTokens: 64,
    evaluationExamples: 24,
  },
  model: {
    rounds: 3,
    steps: 4,
    batchSize: 2,
    maxSourceTokens: 256,
    maxTargetTokens: 48,
    evaluationExamples: 4,
  },
};

const { devices: _invited, ...ofTheRun } = runSettings;

/** The demo's own settings; `devices` are those that it starts, and all of them are invited. */
export const demoSettings = {
  devices: { kind: 'integer', default: 3, min: 1, max: 64, help: 'device services to start' },
  model: { kind: 'text', default: builtinModel, help: 'Hugging Face folder of a T5' },
  data: {
    kind: 'text',
    default: '',
    help: 'training text: JSON, JSON Lines or CSV; none: the built-in text',
  },
  eval: { kind: 'text', default: '', help: 'held-out text; none: a tenth of the training text is held out' },
  dialogueField: { kind: 'text', default: '', help: 'of both files; none: detected' },
  summaryField: { kind: 'text', default: '', help: 'of both files; none: detected' },
  examples: {
    kind: 'integer',
    default: 400,
    min: 1,
    max: 1_000_000,
    help: 'dialogues that each device gets of the built-in text',
  },
  split: {
    kind: 'choice',
    default: 'iid',
    choices: ['iid', 'dirichlet', 'field'],
    help: 'how --data is dealt to the devices',
  },
  alpha: { kind: 'number', default: 1, min: 0.001, max: 1000, help: 'α of the Dirichlet split' },
  splitField: { kind: 'text', default: '', help: 'field whose values go to different devices' },
  alone: { kind: 'flag', default: false, help: 'afterwards train each device alone, and compare' },
  threads: { kind: 'integer', default: 1, min: 1, max: 64, help: 'of each trainer' },
  ...engineSettings,
  folder: { kind: 'text', default: 'runs', help: 'where the demo keeps its result, logs and shards' },
  ...presetSetting,
  ...withDefaults(ofTheRun, demoDefaults.builtin),
} satisfies SettingTable;

export type DemoSettings = SettingsOf<typeof demoSettings> & { run: RunSettings };

/** Precedence of what the run is told: flags, environment and file; then the preset; then the demo's own defaults. */
export function readDemoSettings(
  argv: readonly string[],
  { name, summary }: CommandTitle,
  env: Record<string, string | undefined> = process.env,
): DemoSettings {
  const { settings, given } = readArguments(demoSettings, { argv, env, command: name, summary }, 0);
  if (settings.eval !== '' && settings.data === '')
    throw new Refusal('--eval is held-out text for --data: give both, or neither');
  if ((settings.split === 'field') !== (settings.splitField !== ''))
    throw new Refusal('--split field and --split-field NAME go together');
  if (settings.split !== 'iid' && settings.data === '')
    throw new Refusal(`--split ${settings.split} deals the rows of --data: give both, or neither`);
  const mode = settings.model !== builtinModel ? 'model' : settings.data !== '' ? 'text' : 'builtin';
  const told = Object.entries(settings).filter(([key]) => given.has(key) && Object.hasOwn(ofTheRun, key));
  const { settings: run } = checkSettings(runSettings, {
    minDevices: settings.devices,
    ...demoDefaults[mode],
    ...presets[settings.preset],
    ...Object.fromEntries(told),
  });
  return { ...settings, run };
}

/** A table with some defaults replaced. */
function withDefaults<T extends SettingTable>(table: T, defaults: Record<string, unknown>): T {
  const entries = Object.entries(table).map(([key, setting]) => [
    key,
    Object.hasOwn(defaults, key) ? { ...setting, default: defaults[key] } : setting,
  ]);
  return Object.fromEntries(entries) as T;
}
