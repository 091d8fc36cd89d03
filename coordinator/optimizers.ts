import type { NamedTensors } from '../schemas/tensors.js';

/**
 * Server optimizers: how the weighted mean of the devices' updates becomes the next adapter. x: a value of
 * the adapter; d: of the mean of (local − global); m, v: first and second moments, which start at 0. FedAvg:
 * McMahan et al. 2017; FedAvgM: Hsu, Qi, Brown 2019; FedAdagrad, FedYogi, FedAdam: Reddi et al. 2021
 * (algorithm 2: τ inside the sum, no bias correction); FedAdamW: FedAdam with decoupled decay, which pulls a
 * LoRA adapter toward the base model.
 */
export interface ServerRates {
  learningRate: number;
  momentum: number;
  beta1: number;
  beta2: number;
  tau: number;
  weightDecay: number;
}

type Moment = (moment: number, d: number, rates: ServerRates) => number;

interface Optimizer {
  /**
   * η when the settings say 0. The adaptive ones move each value by about η a round, whatever the update's
   * scale.
   */
  usualRate: number;
  m?: Moment;
  v?: Moment;
  next: (x: number, d: number, m: number, v: number, rates: ServerRates) => number;
}

const mean: Moment = (m, d, { beta1 }) => beta1 * m + (1 - beta1) * d;
const adamV: Moment = (v, d, { beta2 }) => beta2 * v + (1 - beta2) * d * d;
const adaptive: Optimizer['next'] = (x, _d, m, v, { learningRate, tau }) =>
  x + (learningRate * m) / (Math.sqrt(v) + tau);

const optimizers = {
  fedavg: { usualRate: 1, next: (x, d, _m, _v, { learningRate }) => x + learningRate * d },
  fedavgm: {
    usualRate: 1,
    m: (m, d, { momentum }) => momentum * m + d,
    next: (x, _d, m, _v, { learningRate }) => x + learningRate * m,
  },
  fedadagrad: { usualRate: 0.01, m: mean, v: (v, d) => v + d * d, next: adaptive },
  fedyogi: {
    usualRate: 0.01,
    m: mean,
    v: (v, d, { beta2 }) => v - (1 - beta2) * d * d * Math.sign(v - d * d),
    next: adaptive,
  },
  fedadam: { usualRate: 0.01, m: mean, v: adamV, next: adaptive },
  fedadamw: {
    usualRate: 0.01,
    m: mean,
    v: adamV,
    next: (x, d, m, v, rates) => adaptive((1 - rates.learningRate * rates.weightDecay) * x, d, m, v, rates),
  },
} satisfies Record<string, Optimizer>;

export type OptimizerName = keyof typeof optimizers;

export const usualRate = (name: OptimizerName) => optimizers[name].usualRate;

/**
 * One server step over all tensors. Computes in float64 and keeps float32, so that a state read back from
 * disk is the state that was in memory.
 * @param state m and v as `m/<tensor>` and `v/<tensor>`; absent ones are 0
 * @param delta the weighted mean, with the names and lengths of the adapter
 */
export function serverStep(
  name: OptimizerName,
  adapter: NamedTensors,
  delta: ReadonlyMap<string, Float64Array>,
  state: NamedTensors,
  rates: ServerRates,
): { adapter: NamedTensors; state: NamedTensors } {
  const optimizer: Optimizer = optimizers[name];
  const next: { adapter: NamedTensors; state: NamedTensors } = { adapter: new Map(), state: new Map() };
  for (const [tensor, { shape, data: x }] of adapter) {
    const d = delta.get(tensor);
    if (d?.length !== x.length) throw new Error(`no mean update for tensor ${tensor}`);
    const m = moment(`m/${tensor}`, optimizer.m, d);
    const v = moment(`v/${tensor}`, optimizer.v, d);
    const data = Float32Array.from(x, (value, i) =>
      optimizer.next(value, d[i]!, m?.[i] ?? 0, v?.[i] ?? 0, rates),
    );
    next.adapter.set(tensor, { shape, data });
  }
  return next;

  function moment(key: string, rule: Moment | undefined, d: Float64Array): Float32Array | undefined {
    if (!rule) return undefined;
    const before = state.get(key)?.data;
    const data = new Float32Array(d.length);
    for (let i = 0; i < d.length; i++) data[i] = rule(before?.[i] ?? 0, d[i]!, rates);
    next.state.set(key, { shape: [d.length], data });
    return data;
  }
}
