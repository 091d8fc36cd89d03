import type { SettingsOf, SettingTable } from './settings.js';

/** What a run may be told: by a trigger, the CLI's flags, or the coordinator's own defaults. */
export const runSettings = {
  rounds: { kind: 'integer', default: 5, min: 1, max: 10_000, help: 'rounds of the run' },
  seed: {
    kind: 'integer',
    default: 1,
    min: 0,
    max: 2 ** 32 - 1,
    help: 'of everything random: equal seeds, equal results',
  },
  devices: {
    kind: 'integer',
    default: 0,
    min: 0,
    max: 10_000,
    help: 'devices invited a round; 0: as the fraction says',
  },
  fraction: {
    kind: 'number',
    default: 1,
    min: 0.001,
    max: 1,
    help: 'of the ready devices that is invited a round',
  },
  minDevices: {
    kind: 'integer',
    default: 1,
    min: 1,
    max: 10_000,
    help: 'ready devices that a run waits for before a round',
  },
  waitS: {
    kind: 'number',
    default: 60,
    min: 0,
    max: 86_400,
    help: 'seconds that a round waits for minDevices',
  },
  quorum: {
    kind: 'number',
    default: 0.5,
    min: 0,
    max: 1,
    help: 'of the invited devices whose updates a round needs',
  },
  deadlineS: {
    kind: 'number',
    default: 600,
    min: 1,
    max: 86_400,
    help: 'seconds that devices have for a task',
  },
  onFailedRound: {
    kind: 'choice',
    default: 'continue',
    choices: ['continue', 'stop'] as const,
    help: 'after a round without quorum',
  },
  optimizer: {
    kind: 'choice',
    default: 'fedavg',
    choices: ['fedavg', 'fedavgm', 'fedadagrad', 'fedyogi', 'fedadam', 'fedadamw'] as const,
    help: 'server optimizer',
  },
  serverLearningRate: {
    kind: 'number',
    default: 0,
    min: 0,
    max: 100,
    help: 'η of the server; 0: the optimizer’s usual one',
  },
  momentum: { kind: 'number', default: 0.9, min: 0, max: 0.9999, help: 'β of FedAvgM' },
  beta1: { kind: 'number', default: 0.9, min: 0, max: 0.9999, help: 'β1 of the adaptive optimizers' },
  beta2: { kind: 'number', default: 0.99, min: 0, max: 0.9999, help: 'β2 of FedYogi, FedAdam, FedAdamW' },
  tau: { kind: 'number', default: 0.001, min: 1e-12, max: 1, help: 'τ of the adaptive optimizers' },
  serverWeightDecay: { kind: 'number', default: 0.01, min: 0, max: 1, help: 'λ of FedAdamW' },
  maxUpdateNorm: {
    kind: 'number',
    default: 1000,
    min: 0,
    max: 1e9,
    help: 'L2 norm over which an update is refused',
  },
  steps: {
    kind: 'integer',
    default: 20,
    min: 0,
    max: 1_000_000,
    help: 'optimizer steps a device and round at most; 0: by epochs',
  },
  epochs: {
    kind: 'number',
    default: 1,
    min: 0.001,
    max: 1000,
    help: 'passes over the shard a round at most',
  },
  batchSize: { kind: 'integer', default: 8, min: 1, max: 1024, help: 'examples a step' },
  accumulation: {
    kind: 'integer',
    default: 1,
    min: 1,
    max: 1024,
    help: 'batches whose gradients make one optimizer step',
  },
  learningRate: { kind: 'number', default: 0.001, min: 0, max: 10, help: 'of the devices’ AdamW' },
  weightDecay: { kind: 'number', default: 0.01, min: 0, max: 10, help: 'of the devices’ AdamW' },
  warmupSteps: {
    kind: 'integer',
    default: 0,
    min: 0,
    max: 100_000,
    help: 'of the learning rate, in a round',
  },
  schedule: {
    kind: 'choice',
    default: 'constant',
    choices: ['constant', 'linear'] as const,
    help: 'of the learning rate, in a round',
  },
  clipNorm: { kind: 'number', default: 1, min: 0, max: 1e6, help: 'L2 limit of a gradient; 0: none' },
  loraRank: { kind: 'integer', default: 16, min: 1, max: 1024, help: 'r of LoRA' },
  loraAlpha: { kind: 'number', default: 32, min: 0.001, max: 4096, help: 'α of LoRA' },
  loraTargets: { kind: 'list', default: ['q', 'v'], help: 'linear modules that get an adapter' },
  prefix: { kind: 'text', default: 'summarize: ', help: 'before every source text' },
  maxSourceTokens: { kind: 'integer', default: 512, min: 8, max: 8192, help: 'a longer source is cut' },
  maxTargetTokens: {
    kind: 'integer',
    default: 95,
    min: 4,
    max: 2048,
    help: 'a longer summary is cut; also the length of generation',
  },
  evaluationExamples: {
    kind: 'integer',
    default: 0,
    min: 0,
    max: 1_000_000,
    help: 'held-out examples a device scores at most; 0: all',
  },
} satisfies SettingTable;

export type RunSettings = SettingsOf<typeof runSettings>;

/** Named sets of settings; what a trigger says besides goes before them. */
export const presets: Record<string, Partial<Record<keyof RunSettings, unknown>>> = {
  /**
   * The authors' recipe (arXiv 2310.03150; code laminair/BroFL): batch 1, one local epoch, AdamW at 1e-4,
   * 20 % of the clients.
   */
  paper: {
    steps: 0,
    epochs: 1,
    batchSize: 1,
    learningRate: 1e-4,
    schedule: 'constant',
    fraction: 0.2,
    maxSourceTokens: 512,
    maxTargetTokens: 95,
    optimizer: 'fedadamw',
  },
};
