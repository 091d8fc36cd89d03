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

/** By device: what it trained, and what training and evaluation took together. */
export function deviceCosts(
  training: Cohort | undefined,
  evaluation: Cohort | undefined,
): Record<string, DeviceCost> {
  const trained = new Map(training ? acceptedOf(training) : []);
  const scored = new Map(evaluation ? acceptedOf(evaluation) : []);
  const ids = inOrder([...new Set([...trained.keys(), ...scored.keys()])]);
  const costs = ids.map((id): [string, DeviceCost] => {
    const [own, score] = [trained.get(id), scored.get(id)];
    const parts = [
      ...(own && training ? [partOf(own, training)] : []),
      ...(score && evaluation ? [partOf(score, evaluation)] : []),
    ];
    const [computeS, transferS] = [sumOf(parts, 'computeS'), sumOf(parts, 'transferS')];
    const power = own?.measures.joules === undefined ? score?.measures : own.measures;
    return [
      id,
      defined({
        ...(own && trainedCost(own.measures)),
        idleWatts: power?.idleWatts,
        source: power?.powerSource,
        evaluationS: score?.measures.seconds,
        evaluationJoules: score?.measures.joules,
        idleJoules: sumOf(parts, 'idleJoules'),
        bytesUp: sumOf(parts, 'bytesUp') ?? 0,
        bytesDown: sumOf(parts, 'bytesDown') ?? 0,
        transferS,
        networkJoules: sumOf(parts, 'networkJoules'),
        granularity: transferS && computeS !== undefined ? computeS / transferS : undefined,
      }),
    ];
  });
  return Object.fromEntries(costs);
}

const trainedCost = (all: Measures) => ({
  examples: all.examples,
  tokens: all.tokens,
  loss: all.loss,
  seconds: all.seconds,
  joules: all.joules,
  flops: all.flops,
  mfu:
    all.flops && all.peakGflops && all.seconds > 0
      ? all.flops / all.seconds / (all.peakGflops * 1e9)
      : undefined,
});

/** A stage's part in a device's cost. */
function partOf({ measures, bytes, atMs, awayMs }: Accepted, { openedMs }: Cohort) {
  const { seconds, joules, watts, idleWatts, bytesDown, downS = 0, workS, link } = measures;
  // From the stage's opening to the acceptance it worked, or something was on its way.
  const onItsWayS = workS === undefined ? 0 : (atMs - openedMs - awayMs) / 1000 - workS + downS;
  return {
    computeS: seconds,
    idleJoules:
      joules !== undefined && watts && idleWatts !== undefined ? (idleWatts * joules) / watts : undefined,
    bytesUp: bytes,
    bytesDown,
    transferS: onItsWayS > 0 ? onItsWayS : undefined,
    networkJoules: networkJoules(link, bytes, bytesDown),
  };
}

/** Of a round's devices, or of all rounds of a run. */
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
    // Beside the joules only where it is of the same tasks.
    idleJoules: sensed.every(({ idleJoules }) => idleJoules !== undefined)
      ? (sumOf(sensed, 'idleJoules') ?? null)
      : null,
    networkJoules: sumOf(costs, 'networkJoules') ?? null,
    tokensPerJoule: quotient(sumOf(trained, 'tokens'), sumOf(trained, 'joules')),
    joulesPerMb: quotient(joules, payloadMb),
    computeS: quotient(sum(told, computedOf), told.length),
    transferS: quotient(sumOf(told, 'transferS'), told.length),
    granularity: quotient(sumOf(told, 'granularity'), told.length),
    mfu: quotient(
      sumOf(rated, 'flops'),
      sum(rated, ({ flops = 0, mfu = 1 }) => flops / mfu),
    ),
  };
}

const energyOf = ({ joules = 0, evaluationJoules = 0 }: DeviceCost) => joules + evaluationJoules;
const computedOf = ({ seconds = 0, evaluationS = 0 }: DeviceCost) => seconds + evaluationS;

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
