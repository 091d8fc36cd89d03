import type { NamedTensors } from '../../schemas/tensors.js';

export interface AdamWSettings {
  weightDecay: number;
  beta1?: number;
  beta2?: number;
  epsilon?: number;
}

/** A local optimizer: changes the parameters in place. */
export interface Optimizer {
  step(gradients: NamedTensors, learningRate: number): void;
}

/** AdamW with decoupled decay (Loshchilov and Hutter 2019, algorithm 2; the order of operations of torch.optim.AdamW). */
export function adamW(parameters: NamedTensors, settings: AdamWSettings): Optimizer {
  const { weightDecay, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = settings;
  const moments = new Map(
    [...parameters].map(([name, { data }]) => [
      name,
      [new Float32Array(data.length), new Float32Array(data.length)] as const,
    ]),
  );
  let steps = 0;
  return {
    step(gradients, learningRate) {
      steps++;
      const stepSize = learningRate / (1 - beta1 ** steps);
      const correction = Math.sqrt(1 - beta2 ** steps);
      const keep = 1 - learningRate * weightDecay;
      for (const [name, { data: x }] of parameters) {
        const g = gradients.get(name)!.data;
        const [m, v] = moments.get(name)!;
        for (let i = 0; i < x.length; i++) {
          const gi = g[i]!;
          const mi = beta1 * m[i]! + (1 - beta1) * gi;
          const vi = beta2 * v[i]! + (1 - beta2) * gi * gi;
          m[i] = mi;
          v[i] = vi;
          x[i] = x[i]! * keep - (stepSize * mi) / (Math.sqrt(vi) / correction + epsilon);
        }
      }
    },
  };
}

/** L2 norm over all tensors together. */
export function norm(tensors: NamedTensors): number {
  let sum = 0;
  for (const { data } of tensors.values()) for (let i = 0; i < data.length; i++) sum += data[i]! * data[i]!;
  return Math.sqrt(sum);
}

/** Scales gradients so that their norm is at most `limit` (0: no limit); answers with the norm before. */
export function clip(gradients: NamedTensors, limit: number): number {
  const before = norm(gradients);
  const factor = limit / (before + 1e-6);
  if (limit > 0 && factor < 1) {
    for (const { data } of gradients.values()) for (let i = 0; i < data.length; i++) data[i]! *= factor;
  }
  return before;
}

/** The learning rate's factor at optimizer step `step`, from 0, as transformers' constant and linear schedules with warm-up. */
export function scheduleFactor(
  schedule: 'constant' | 'linear',
  step: number,
  steps: number,
  warmupSteps: number,
): number {
  if (step < warmupSteps) return step / warmupSteps;
  if (schedule === 'constant') return 1;
  return Math.max(0, (steps - step) / Math.max(1, steps - warmupSteps));
}
