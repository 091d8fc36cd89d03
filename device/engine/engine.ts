/** The engine's door: what can be done with a T5 folder. Knows tensors, tokens and ONNX; never rounds or MQTT. */
import type { EngineOptions } from '../../schemas/engine-settings.js';
import type { Lora, Text, Training } from '../../schemas/messages.js';
import { Refusal } from '../../schemas/refusal.js';
import type { NamedTensors } from '../../schemas/tensors.js';
import type { Encoded, Padded } from './batches.js';
import { readConfig, type T5Config, tensorShapes } from './config.js';
import { type RuntimeCopies, runtimeCopies } from './cost.js';
import { type Decoding, greedyDecoding, requireDecoding } from './decoding.js';
import { type Evaluation, evaluate } from './evaluation.js';
import { adapterStepFlops, geometryOf, rowsOfRun } from './flops.js';
import { type Frozen, freeze } from './freeze.js';
import type { Graph } from './graph.js';
import { adaptedModules, freshAdapter, requireAdapter } from './lora.js';
import type { Blueprint } from './parts.js';
import { keepProvider, openGraph } from './provider.js';
import { checkProvider, type ProviderCheck } from './provider-check.js';
import type { Reader } from './reading.js';
import { readingGraph } from './reading-graph.js';
import { createSessionCache } from './session-cache.js';
import { type SummaryOptions, summarize } from './summaries.js';
import { openTokenizer, type Tokenizer } from './tokenizer.js';
import { type Course, type StepReport, type TrainResult, train } from './train.js';
import { trainingGraph } from './training-graph.js';
import { readWeight, readWeightIndex, type WeightIndex } from './weights.js';

export { openCeiling, productsOf } from './ceiling.js';
export { readConfigFile } from './config.js';
export { type StepCost, stepCost } from './cost.js';
export { greedyDecoding, requireDecoding } from './decoding.js';
export { geometryOf, loraStepFlops } from './flops.js';
export { type Inspection, inspectModel } from './inspection.js';
export { initModel, weightTypes } from './model-init.js';
export { tryProvider } from './provider.js';
export { bundledProviders } from './session.js';
export type { Decoding, Evaluation, Padded, StepReport, SummaryOptions, T5Config, TrainResult };
export { Refusal };

export interface Example {
  source: string;
  target: string;
}

export interface Adapter {
  lora: Lora;
  tensors: NamedTensors;
}

export interface Engine {
  readonly config: T5Config;
  readonly tokenizer: Tokenizer;
  /** What was seen of the provider before it was trusted; none for the CPU. */
  readonly providerCheck: ProviderCheck | undefined;
  /** The base in few bits; none for 32. */
  readonly frozen: Omit<Frozen, 'weights'> | undefined;
  /** What the runtime keeps of the weights besides their files. */
  readonly copies: RuntimeCopies;
  /** A seeded adapter that changes nothing yet. */
  freshAdapter(lora: Lora, seed: number): NamedTensors;
  /** Trains a copy of the adapter. */
  train(
    adapter: Adapter,
    examples: readonly Example[],
    training: Training,
    text: Text,
    seed: number,
    report?: Report,
    course?: Omit<Course, 'report' | 'flopsOf'>,
  ): Promise<TrainResult & { tensors: NamedTensors }>;
  /** Trains all weights, which it reads into memory: for small models. */
  trainAll(
    weights: NamedTensors | undefined,
    examples: readonly Example[],
    training: Training,
    text: Text,
    seed: number,
    report?: Report,
  ): Promise<TrainResult & { tensors: NamedTensors }>;
  evaluate(
    adapter: Adapter | undefined,
    examples: readonly Example[],
    text: Text,
    batchSize?: number,
    running?: Course['running'],
  ): Promise<Evaluation>;
  /** Summaries in the order of the sources, greedy unless the options say otherwise. */
  summarize(
    adapter: Adapter | undefined,
    sources: readonly string[],
    text: Text,
    options?: SummaryOptions,
  ): Promise<string[]>;
  /** Sessions opened so far. */
  readonly sessionsOpened: number;
  release(): Promise<void>;
}

export type Report = (step: StepReport) => void;

/** What is absent has the default of the settings' table. */
export interface EngineSettings extends Partial<EngineOptions> {
  threads: number;
  /** Keeps idle threads busy-waiting: for a trainer that has its cores alone. */
  spinning?: boolean;
  /** A batch in one run of the graph, however large: what a measurement of batch sizes asks for. GPUs always do. */
  whole?: boolean;
}

const evaluationBatch = 16;
/** Training's and reading's, with an adapter and without. */
const maxSessions = 4;

/**
 * Opens a Hugging Face T5 folder as it is: config.json, model.safetensors (or its shards), tokenizer.json.
 * @throws Refusal that names the file and what is wrong with it, or the provider's operation that disagrees with the CPU
 */
export async function openEngine(
  folder: string,
  {
    threads,
    spinning = false,
    memory = 'fast',
    baseBits = '32',
    recompute = false,
    provider = 'cpu',
    whole = provider !== 'cpu',
  }: EngineSettings,
): Promise<Engine> {
  const config = await readConfig(folder);
  const weights = await readWeightIndex(folder, config);
  const tokenizer = await openTokenizer(folder);
  if (tokenizer.vocabSize > config.vocabSize) {
    throw new Refusal(
      `${folder}/tokenizer.json has ${tokenizer.vocabSize} tokens, config.json a vocab_size of ${config.vocabSize}: ` +
        'a tokenizer of another model?',
    );
  }
  if (baseBits !== '32' && provider !== 'cpu')
    throw new Refusal(
      `a base of ${baseBits} bits runs on the cpu provider, not on ${provider}: expected 32 bits`,
    );
  const kept = provider === 'cpu' ? undefined : await keepProvider(provider);
  const providerCheck = provider === 'cpu' ? undefined : await checkProvider(provider, config, threads);
  const sessions = createSessionCache(
    (graph) => openGraph(graph, providerCheck, { folder, threads, spinning, memory }),
    maxSessions,
  );
  const sessionOf = (kind: string, lora: Lora | undefined, build: () => Graph) =>
    sessions.get(`${kind} ${JSON.stringify(lora)}`, build);
  const frozen = baseBits === '32' ? undefined : await freeze(folder, config, weights, baseBits);
  const blueprint = (lora?: Lora): Blueprint => ({
    config,
    weights,
    frozen: frozen?.weights,
    lora,
    recompute,
  });
  /** Copies of weights are worth their speed where the runtime packs its own of them anyway. */
  const spread = provider === 'cpu' && memory === 'fast' && !frozen;

  const encoded = (
    examples: readonly Example[],
    { prefix, maxSourceTokens, maxTargetTokens }: Text,
  ): Encoded[] =>
    examples.map(({ source, target }) => ({
      source: tokenizer.encode(prefix + source, maxSourceTokens),
      target: tokenizer.encode(target, maxTargetTokens),
    }));

  const reader = async (adapter?: Adapter): Promise<Reader> => {
    if (adapter) requireAdapter(config, adapter.lora, adapter.tensors);
    const lora = adapter?.lora;
    const session = await sessionOf('read', lora, () => readingGraph(blueprint(lora)));
    return { session, config, adapter: adapter?.tensors ?? new Map() };
  };

  return {
    config,
    tokenizer,
    providerCheck,
    copies: runtimeCopies(config, weights, { memory, baseBits }),
    frozen: frozen && { bytes: frozen.bytes, numbers: frozen.numbers, ms: frozen.ms },
    freshAdapter: (lora, seed) => freshAdapter(config, lora, seed),

    async train({ lora, tensors }, examples, training, text, seed, report, course) {
      requireAdapter(config, lora, tensors);
      const dropout = { model: training.dropout ?? 0, adapter: lora.dropout ?? 0 };
      const session = await sessionOf(dropout.model > 0 ? 'train, dropping' : 'train', lora, () =>
        trainingGraph({ ...blueprint(lora), dropout, spread }),
      );
      const copy = copied(tensors);
      const flopsOf = adapterStepFlops(geometryOf(config), adaptedModules(config, lora));
      const rowsOf = ({ source, target }: Padded) => rowsOfRun(flopsOf(source, target));
      const result = await train(session, config, copy, encoded(examples, text), training, seed, {
        ...course,
        ...(whole ? {} : { rowsOf }),
        adapterDropout: dropout.adapter,
        ...(report ? { report, flopsOf } : {}),
      });
      return { ...result, tensors: copy };
    },

    async trainAll(start, examples, training, text, seed, report) {
      const parameters = start ?? (await readAll(folder, config, weights));
      const dropout = { model: training.dropout ?? 0, adapter: 0 };
      const session = await sessionOf(
        dropout.model > 0 ? 'train all, dropping' : 'train all',
        undefined,
        () => trainingGraph({ config, weights, open: true, dropout, recompute }),
      );
      const result = await train(
        session,
        config,
        parameters,
        encoded(examples, text),
        training,
        seed,
        report ? { report } : {},
      );
      return { ...result, tensors: parameters };
    },

    async evaluate(adapter, examples, text, batchSize = evaluationBatch, running = () => {}) {
      const all = encoded(examples, text).map((e, i) => ({ ...e, reference: examples[i]!.target }));
      const limits = { maxTokens: text.maxTargetTokens, batchSize };
      return evaluate(await reader(adapter), tokenizer, all, limits, running);
    },

    async summarize(adapter, sources, text, { batchSize = evaluationBatch, report, ...options } = {}) {
      const decoding = { ...greedyDecoding, ...options, maxTokens: text.maxTargetTokens };
      requireDecoding(decoding, config.vocabSize);
      const examples = sources.map((source) => ({ source, target: '' }));
      return summarize(
        await reader(adapter),
        tokenizer,
        encoded(examples, text),
        decoding,
        batchSize,
        report,
      );
    },

    get sessionsOpened() {
      return sessions.opened;
    },
    async release() {
      await sessions.release();
      await kept?.release();
    },
  };
}

const copied = (tensors: NamedTensors): NamedTensors =>
  new Map([...tensors].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));

async function readAll(folder: string, config: T5Config, weights: WeightIndex): Promise<NamedTensors> {
  const all: NamedTensors = new Map();
  for (const [name, shape] of tensorShapes(config)) {
    all.set(name, { shape, data: await readWeight(folder, weights.get(name)!) });
  }
  return all;
}
