import type { Training } from '../../schemas/messages.js';
import type { NamedTensors } from '../../schemas/tensors.js';
import { adamW, clip, scheduleFactor } from './adamw.js';
import {
  type Encoded,
  labelTokens,
  largestFirst,
  microBatches,
  type Padded,
  paddedSize,
  plannedBatches,
  sourceFeeds,
  targetFeeds,
  tokens,
} from './batches.js';
import type { T5Config } from './config.js';
import { dropoutMasks } from './dropout.js';
import type { Feeds, Session } from './session.js';

export interface StepReport {
  step: number;
  steps: number;
  /** Mean over the step's label tokens, before the update. */
  loss: number;
  tokens: number;
  /** By the formula, padding not counted; absent where the course does not say how. */
  flops?: number;
  ms: number;
  /** Of ms: making batches and feeds, running the graph (forward and backward), and the rest: sums, clipping, AdamW. */
  parts: StepParts;
  gradientNorm: number;
  learningRate: number;
}

export interface StepParts {
  dataMs: number;
  runMs: number;
  optimizerMs: number;
}

export interface TrainResult {
  steps: number;
  examples: number;
  tokens: number;
  labelTokens: number;
  /** Mean over all label tokens of all steps. */
  loss: number;
}

/** What a training tells, and what it must keep to. */
export interface Course {
  /** Rows that one run of the graph takes at most; absent: a whole batch. Changes sums by rounding alone. */
  microBatch?: number | undefined;
  /** Rows of a batch of such a size that a run takes where memory is no reason for fewer. */
  rowsOf?: ((batch: Padded) => number) | undefined;
  /** Rate of dropout of the adapter's inputs, where the graph has it. */
  adapterDropout?: number | undefined;
  report?: (step: StepReport) => void;
  /** Operations of a sample's step, by its tokens. */
  flopsOf?: (source: number, target: number) => number;
  /** Each micro-batch, before it runs: what a process was about when it ended. */
  running?: (batch: Padded) => void;
}

/**
 * Trains `parameters` in place with AdamW: a pure function of parameters, examples, settings, seed and micro-batch.
 * The examples are passed over in batches of like lengths, a new order each epoch, until the steps or the epochs are
 * done. The largest batch of the first pass comes first: memory that is short is short at once, and the runtime's
 * arena grows once.
 */
export async function train(
  session: Session,
  config: T5Config,
  parameters: NamedTensors,
  examples: readonly Encoded[],
  settings: Training,
  seed: number,
  {
    microBatch = Infinity,
    rowsOf = ({ rows }) => rows,
    adapterDropout = 0,
    report,
    flopsOf,
    running,
  }: Course = {},
): Promise<TrainResult> {
  const optimizer = adamW(parameters, settings);
  const steps = stepCount(examples.length, settings);
  const masks = dropoutMasks(session.inputs, { model: settings.dropout ?? 0, adapter: adapterDropout });
  const batches = endlessBatches(examples, settings, steps * settings.accumulation, seed);
  const seen = new Set<Encoded>();
  const total: TrainResult = { steps, examples: 0, tokens: 0, labelTokens: 0, loss: 0 };
  for (let step = 0; step < steps; step++) {
    const from = performance.now();
    const whole = Array.from({ length: settings.accumulation }, () => batches.next().value);
    const micro = whole.flatMap((batch) =>
      microBatches(batch, Math.min(microBatch, rowsOf(paddedSize(batch)))),
    );
    const plannedMs = performance.now() - from;
    const learningRate =
      settings.learningRate * scheduleFactor(settings.schedule, step, steps, settings.warmupSteps);
    // Of the step and the place in it alone, so that a task that is done again drops the same.
    const masked = (size: Padded, at: number) => masks(size, `${seed} ${step} ${at}`);
    const done = await accumulated(session, config, parameters, micro, running, masked);
    const { loss, gradients, runMs } = done;
    const dataMs = plannedMs + done.feedsMs;
    const gradientNorm = clip(gradients, settings.clipNorm);
    optimizer.step(gradients, learningRate);
    const all = whole.flat();
    for (const example of all) seen.add(example);
    total.tokens += tokens(all);
    total.labelTokens += labelTokens(all);
    total.loss += loss * labelTokens(all);
    const ms = performance.now() - from;
    const parts = { dataMs, runMs, optimizerMs: ms - dataMs - runMs };
    const flops =
      flopsOf && all.reduce((sum, { source, target }) => sum + flopsOf(source.length, target.length), 0);
    const size = { tokens: tokens(all), ...(flops === undefined ? {} : { flops }) };
    report?.({ step: step + 1, steps, loss, ...size, ms, parts, gradientNorm, learningRate });
  }
  return { ...total, examples: seen.size, loss: total.loss / Math.max(1, total.labelTokens) };
}

/** Optimizer steps of a task: what the epochs hold, at most `steps` where that is set, at least one. */
export function stepCount(examples: number, { steps, epochs, batchSize, accumulation }: Training): number {
  if (examples === 0) return 0;
  const held = Math.max(1, Math.floor((Math.ceil(examples / batchSize) * epochs) / accumulation));
  return steps > 0 ? Math.min(steps, held) : held;
}

/** Loss and gradients of one optimizer step: the mean over the label tokens of all its batches. */
export async function accumulated(
  session: Session,
  config: T5Config,
  parameters: NamedTensors,
  batches: readonly (readonly Encoded[])[],
  running: Course['running'] = () => {},
  masks: (size: Padded, at: number) => Feeds = () => ({}),
): Promise<{ loss: number; gradients: NamedTensors; feedsMs: number; runMs: number }> {
  const labels = batches.reduce((sum, batch) => sum + labelTokens(batch), 0);
  const gradients: NamedTensors = new Map();
  let [loss, feedsMs, runMs] = [0, 0, 0];
  for (const [at, batch] of batches.entries()) {
    const size = paddedSize(batch);
    running(size);
    const from = performance.now();
    const feeds = {
      ...sourceFeeds(config, batch),
      ...targetFeeds(config, batch, labels),
      ...masks(size, at),
    };
    const fed = performance.now();
    feedsMs += fed - from;
    const found = await session.run({ ...feeds, ...parameterFeeds(parameters) });
    runMs += performance.now() - fed;
    loss += (found.loss!.data as Float32Array)[0]!;
    for (const [name, { shape }] of parameters) {
      const data = found[`d:${name}`]!.data as Float32Array;
      const sum = gradients.get(name);
      if (sum) addInto(sum.data, data);
      else gradients.set(name, { shape, data });
    }
  }
  return { loss, gradients, feedsMs, runMs };
}

/** A function of its own, which the JavaScript engine makes fast: in its place above it took 20 ns a number. */
function addInto(sum: Float32Array, data: Float32Array): void {
  for (let i = 0; i < data.length; i++) sum[i]! += data[i]!;
}

export const parameterFeeds = (parameters: NamedTensors): Feeds => Object.fromEntries(parameters);

function* endlessBatches<T extends Encoded>(
  examples: readonly T[],
  { batchSize }: Training,
  count: number,
  seed: number,
): Generator<T[], never> {
  const first = plannedBatches(examples, batchSize, `${seed} 0`);
  yield* largestFirst(first.slice(0, count)); // Of those that will be used: no batch is used because it is large.
  for (let epoch = 1; ; epoch++) yield* plannedBatches(examples, batchSize, `${seed} ${epoch}`);
}
