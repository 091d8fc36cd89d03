import type { Training } from '../../schemas/messages.js';
import type { NamedTensors } from '../../schemas/tensors.js';
import { adamW, clip, scheduleFactor } from './adamw.js';
import { type Encoded, labelTokens, plannedBatches, sourceFeeds, targetFeeds, tokens } from './batches.js';
import type { T5Config } from './config.js';
import type { Feeds, Session } from './session.js';

export interface StepReport {
  step: number;
  steps: number;
  /** Mean over the step's label tokens, before the update. */
  loss: number;
  tokens: number;
  ms: number;
  gradientNorm: number;
  learningRate: number;
}

export interface TrainResult {
  steps: number;
  examples: number;
  tokens: number;
  labelTokens: number;
  /** Mean over all label tokens of all steps. */
  loss: number;
}

/**
 * Trains `parameters` in place with AdamW: a pure function of parameters, examples, settings and seed. The examples
 * are passed over in batches of like lengths, a new order each epoch, until the steps or the epochs are done.
 */
export async function train(
  session: Session,
  config: T5Config,
  parameters: NamedTensors,
  examples: readonly Encoded[],
  settings: Training,
  seed: number,
  report: (step: StepReport) => void = () => {},
): Promise<TrainResult> {
  const optimizer = adamW(parameters, settings);
  const steps = stepCount(examples.length, settings);
  const batches = endlessBatches(examples, settings.batchSize, seed);
  const seen = new Set<Encoded>();
  const total: TrainResult = { steps, examples: 0, tokens: 0, labelTokens: 0, loss: 0 };
  for (let step = 0; step < steps; step++) {
    const from = performance.now();
    const micro = Array.from({ length: settings.accumulation }, () => batches.next().value);
    const learningRate =
      settings.learningRate * scheduleFactor(settings.schedule, step, steps, settings.warmupSteps);
    const { loss, gradients } = await accumulated(session, config, parameters, micro);
    const gradientNorm = clip(gradients, settings.clipNorm);
    optimizer.step(gradients, learningRate);
    const all = micro.flat();
    for (const example of all) seen.add(example);
    total.tokens += tokens(all);
    total.labelTokens += labelTokens(all);
    total.loss += loss * labelTokens(all);
    const ms = performance.now() - from;
    report({ step: step + 1, steps, loss, tokens: tokens(all), ms, gradientNorm, learningRate });
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
): Promise<{ loss: number; gradients: NamedTensors }> {
  const labels = batches.reduce((sum, batch) => sum + labelTokens(batch), 0);
  const gradients: NamedTensors = new Map();
  let loss = 0;
  for (const batch of batches) {
    const feeds = { ...sourceFeeds(config, batch), ...targetFeeds(config, batch, labels) };
    const found = await session.run({ ...feeds, ...parameterFeeds(parameters) });
    loss += (found.loss!.data as Float32Array)[0]!;
    for (const [name, { shape }] of parameters) {
      const data = found[`d:${name}`]!.data as Float32Array;
      const sum = gradients.get(name);
      if (sum) for (let i = 0; i < data.length; i++) sum.data[i]! += data[i]!;
      else gradients.set(name, { shape, data });
    }
  }
  return { loss, gradients };
}

export const parameterFeeds = (parameters: NamedTensors): Feeds => Object.fromEntries(parameters);

function* endlessBatches<T extends Encoded>(
  examples: readonly T[],
  batchSize: number,
  seed: number,
): Generator<T[], never> {
  for (let epoch = 0; ; epoch++) yield* plannedBatches(examples, batchSize, `${seed} ${epoch}`);
}
