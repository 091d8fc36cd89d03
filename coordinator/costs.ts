import type { Measures } from '../schemas/messages.js';
import { networkJoules } from '../schemas/network-energy.js';
import type { Costs, DeviceCost } from '../schemas/status.js';
import type { Accepted, Cohort } from './run.js';
import { inOrder } from './selection.js';

/** What a round cost, from what its devices measured: docs/metrics.md. Pure. What nobody measured is absent, or null. */

/** Answers that count, in order of names, so that sums do not depend on who answered first. */
export function acceptedOf({ answers }: Pick<Cohort, 'answers'>): [string, Accepted][] {
  return inOrder(Object.keys(answers)).flatMap((id): [string, Accepted][] => {
    const answer = answers[id]!;
    return answer.accepted ? [[id, answer]] : [];
  });
}

/** By device: what a stage, training or evaluation, cost it. */
export function stageCosts(cohort: Cohort): Record<string, DeviceCost> {
  return Object.fromEntries(acceptedOf(cohort).map(([id, answer]) => [id, stageCost(answer, cohort)]));
}

function stageCost({ measures, bytes, atMs, awayMs }: Accepted, { stage, openedMs }: Cohort): DeviceCost {
  const { seconds, joules, watts, idleWatts, powerSource: source, bytesDown } = measures;
  const { downS = 0, workS, link } = measures;
  // From the stage's opening to the acceptance it was at work, or something was on its way.
  const onItsWayS = workS === undefined ? 0 : (atMs - openedMs - awayMs) / 1000 - workS + downS;
  const transferS = onItsWayS > 0 ? onItsWayS : undefined;
  const measuredS = joules !== undefined && watts ? joules / watts : undefined;
  return defined({
    ...(stage.kind === 'train' ? trained(measures) : { evaluationS: seconds, evaluationJoules: joules }),
    source,
    idleWatts,
    idleJoules: measuredS !== undefined && idleWatts !== undefined ? idleWatts * measuredS : undefined,
    bytesUp: bytes,
    bytesDown,
    transferS,
    networkJoules: networkJoules(link, bytes, bytesDown),
    granularity: transferS && seconds / transferS,
  });
}

function trained({ examples, tokens, loss, seconds, joules, flops, peakGflops }: Measures) {
  const mfu = flops && peakGflops && seconds > 0 ? flops / seconds / (peakGflops * 1e9) : undefined;
  return { examples, tokens, loss, seconds, joules, flops, mfu };
}

/** What stages cost each device, with one more. */
export function withStage(
  spent: Readonly<Record<string, DeviceCost>> = {},
  more: Readonly<Record<string, DeviceCost>> = {},
): Record<string, DeviceCost> {
  const before = new Map(Object.entries(spent));
  const added = Object.entries(more).map(([id, cost]) => [id, addedCost(before.get(id), cost)]);
  return { ...spent, ...Object.fromEntries(added) };
}

const additive = [
  ...(['examples', 'tokens', 'seconds', 'joules', 'flops', 'evaluationS', 'evaluationJoules'] as const),
  ...(['transferS', 'networkJoules'] as const),
];

function addedCost(before: DeviceCost | undefined, more: DeviceCost): DeviceCost {
  if (!before) return more;
  const both = [before, more];
  const sums: Partial<DeviceCost> = Object.fromEntries(
    additive.flatMap((key) => {
      const total = sumOf(both, key);
      return total === undefined ? [] : [[key, total]];
    }),
  );
  const rated = both.filter(({ mfu }) => mfu);
  return defined({
    ...before,
    ...more,
    ...sums,
    bytesUp: before.bytesUp + more.bytesUp,
    bytesDown: before.bytesDown + more.bytesDown,
    idleJoules: idleOf(both),
    granularity: sums.transferS ? computedOf(sums) / sums.transferS : undefined,
    mfu: rated.length > 0 ? sum(rated, flopsOf) / sum(rated, capacityOf) : undefined,
  });
}

/** What a device calls a model of its power (device/sensors/estimate.ts). */
const estimate = 'estimate';

/** Of a round's devices, or of those of a run. */
export function totalsOf(costs: readonly DeviceCost[]): Costs {
  const sensed = costs.filter(({ joules, evaluationJoules }) => (joules ?? evaluationJoules) !== undefined);
  const trained = sensed.filter(({ joules, tokens }) => joules && tokens !== undefined);
  const rated = costs.filter(({ flops, mfu }) => flops && mfu);
  const told = costs.filter(({ granularity }) => granularity !== undefined);
  const joules = sensed.length === 0 ? null : sum(sensed, energyOf);
  const payloadMb = sum(sensed, ({ bytesUp, bytesDown }) => bytesUp + bytesDown) / 1e6;
  return {
    tokens: sumOf(costs, 'tokens') ?? null,
    joules,
    estimatedJoules:
      joules === null ? null : sum(sensed, (cost) => (cost.source === estimate ? energyOf(cost) : 0)),
    idleJoules: idleOf(costs) ?? null,
    networkJoules: sumOf(costs, 'networkJoules') ?? null,
    tokensPerJoule: quotient(sumOf(trained, 'tokens'), sumOf(trained, 'joules')),
    joulesPerMb: quotient(joules, payloadMb),
    computeS: quotient(sum(told, computedOf), told.length),
    transferS: quotient(sumOf(told, 'transferS'), told.length),
    granularity: quotient(sumOf(told, 'granularity'), told.length),
    mfu: quotient(sumOf(rated, 'flops'), sum(rated, capacityOf)),
  };
}

/** Only where all that have joules have it: it stands beside them. */
function idleOf(parts: readonly Pick<DeviceCost, 'joules' | 'evaluationJoules' | 'idleJoules'>[]) {
  const sensed = parts.filter(({ joules, evaluationJoules }) => (joules ?? evaluationJoules) !== undefined);
  return sensed.every(({ idleJoules }) => idleJoules !== undefined) ? sumOf(sensed, 'idleJoules') : undefined;
}

const energyOf = ({ joules = 0, evaluationJoules = 0 }: DeviceCost) => joules + evaluationJoules;
const computedOf = ({ seconds = 0, evaluationS = 0 }: Partial<DeviceCost>) => seconds + evaluationS;
const flopsOf = ({ flops = 0 }: DeviceCost) => flops;
/** What the processor could have done in that time. */
const capacityOf = ({ flops = 0, mfu = 1 }: DeviceCost) => flops / mfu;

const quotient = (part: number | null | undefined, by: number | undefined) =>
  part !== null && part !== undefined && by ? part / by : null;

/** Of those that have it; undefined where none has. */
function sumOf<K extends string>(items: readonly { readonly [P in K]?: number | undefined }[], key: K) {
  const values = items.flatMap((item) => item[key] ?? []);
  return values.length === 0 ? undefined : sum(values, (value) => value);
}

export function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

const defined = (cost: { [K in keyof DeviceCost]: DeviceCost[K] | undefined }) =>
  Object.fromEntries(
    Object.entries(cost).filter(([, value]) => value !== undefined),
  ) as unknown as DeviceCost;
