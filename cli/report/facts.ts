import type { Point } from '../../schemas/messages.js';
import { type RoundRecord, type RunSummary, unmeasured } from '../../schemas/status.js';
import { type Cost, completed, noCost, recordPhases, sumOf, toldCosts, withPoint } from './costs.js';

/** What is known of a run, from its summary and from its points where there are any. Null: nobody measured it. */
export interface RunFacts {
  summary: RunSummary;
  rounds: RoundFacts[];
  devices: DeviceFacts[];
  /** Loss of each step, over the steps of the run. */
  losses: Curve[];
  /** Watts of each board, over seconds since the run began. */
  watts: Curve[];
  totals: Totals;
}

export interface RoundFacts {
  record: RoundRecord;
  phases: Phases;
  /** device → what the round cost it. */
  costs: ReadonlyMap<string, Cost>;
  joules: number | null;
  networkJoules: number | null;
  tokens: number | null;
  tokensPerJoule: number | null;
  /** T_comp / T_comm, mean of the devices. */
  granularity: number | null;
}

/** Seconds. */
export interface Phases {
  train: number | null;
  aggregate: number | null;
  evaluate: number | null;
}

export interface DeviceFacts extends Cost {
  device: string;
  invited: number;
  counted: number;
  /** Of its last round. */
  loss: number | null;
}

export interface Curve {
  device: string;
  points: [x: number, y: number][];
}

export interface Totals {
  bytesUp: number;
  bytesDown: number;
  seconds: number;
  joules: number | null;
  estimatedJoules: number | null;
  idleJoules: number | null;
  networkJoules: number | null;
  joulesPerMb: number | null;
  tokens: number | null;
  tokensPerJoule: number | null;
  mfu: number | null;
  failed: number;
}

/** What stands for the joules that nobody told of a device, or of the run: a sensor may be lacking, or only the news of it. */
export function noJoules({ totals, rounds }: RunFacts, device?: DeviceFacts): string {
  const worked = device ? device.seconds !== null : rounds.some(({ record }) => record.state === 'closed');
  return worked || (device && totals.joules === null && device.counted > 0) ? 'no sensor' : '–';
}

/** Puts a run's summary and its points together. Pure. */
export function factsOf(summary: RunSummary, points: readonly Point[]): RunFacts {
  const byRound = grouped(points, roundOf);
  const rounds = summary.rounds.map((record) => roundFacts(record, byRound.get(record.round) ?? []));
  const all = (value: (round: RoundFacts) => number | null) => sumOf(rounds.map(value));
  const { costs = unmeasured } = summary;
  return {
    summary,
    rounds,
    devices: deviceFacts(rounds, toldCosts(summary.perDevice)),
    losses: lossCurves(points),
    watts: curves(points, 'power', ({ timeMs, fields }) => [
      (timeMs - Date.parse(summary.startedAt)) / 1000,
      fields.watts,
    ]),
    totals: {
      bytesUp: all(({ record }) => record.bytesUp) ?? 0,
      bytesDown: all(({ record }) => record.bytesDown) ?? 0,
      seconds: (Date.parse(summary.endedAt) - Date.parse(summary.startedAt)) / 1000,
      joules: all(({ joules }) => joules),
      estimatedJoules: costs.estimatedJoules,
      idleJoules: costs.idleJoules,
      networkJoules: all(({ networkJoules }) => networkJoules),
      joulesPerMb: costs.joulesPerMb,
      tokens: all(({ tokens }) => tokens),
      tokensPerJoule:
        costs.tokensPerJoule ?? efficiency(rounds.flatMap((round) => [...round.costs.values()])),
      mfu: costs.mfu,
      failed: rounds.filter(({ record }) => record.state === 'failed').length,
    },
  };
}

function roundFacts(record: RoundRecord, points: readonly Point[]): RoundFacts {
  const costs = toldCosts(record.perDevice);
  const measured = points.filter(({ measurement }) => measurement === 'task' || measurement === 'network');
  for (const [device, own] of grouped(measured, ({ tags }) => tags.device))
    if (device) costs.set(device, completed(costs.get(device) ?? noCost, own.reduce(withPoint, noCost)));
  const own = points.findLast(({ measurement }) => measurement === 'round')?.fields ?? {};
  const parts = [...costs.values()];
  const told = parts.flatMap(({ granularity }) => (granularity === null ? [] : [granularity]));
  const { train_s, aggregate_s, evaluate_s } = own;
  return {
    record,
    phases: recordPhases(record) ?? {
      train: train_s ?? null,
      aggregate: aggregate_s ?? null,
      evaluate: evaluate_s ?? null,
    },
    costs,
    joules: record.joules,
    networkJoules: record.networkJoules ?? sumOf(parts.map(({ networkJoules }) => networkJoules)),
    tokens: record.tokens ?? sumOf(parts.map(({ tokens }) => tokens)),
    tokensPerJoule: record.tokensPerJoule ?? efficiency(parts),
    granularity: record.granularity ?? (told.length > 0 ? sumOf(told)! / told.length : null),
  };
}

/** @param whole what the summary tells of all rounds together: the records of a long run do not tell all */
function deviceFacts(rounds: readonly RoundFacts[], whole: ReadonlyMap<string, Cost>): DeviceFacts[] {
  const names = new Set(rounds.flatMap(({ record, costs }) => [...record.invited, ...costs.keys()]));
  return [...names].sort().map((device) => {
    const invited = rounds.filter(({ record }) => record.invited.includes(device));
    const costs = rounds.flatMap(({ costs: of }) => of.get(device) ?? []);
    const sum = (value: (cost: Cost) => number | null) => sumOf(costs.map(value));
    const told = costs.flatMap(({ granularity }) => (granularity === null ? [] : [granularity]));
    const summed: Cost = {
      examples: sum(({ examples }) => examples),
      tokens: sum(({ tokens }) => tokens),
      seconds: sum(({ seconds }) => seconds),
      joules: sum(({ joules }) => joules),
      evaluationS: sum(({ evaluationS }) => evaluationS),
      evaluationJoules: sum(({ evaluationJoules }) => evaluationJoules),
      bytesUp: sum(({ bytesUp }) => bytesUp),
      bytesDown: sum(({ bytesDown }) => bytesDown),
      transferS: sum(({ transferS }) => transferS),
      networkJoules: sum(({ networkJoules }) => networkJoules),
      mfu: meanMfu(costs),
      idleWatts: costs.findLast(({ idleWatts }) => idleWatts !== null)?.idleWatts ?? null,
      granularity: told.length > 0 ? sumOf(told)! / told.length : null,
      loss: costs.findLast(({ loss }) => loss !== null)?.loss ?? null,
      source: costs.findLast(({ source }) => source !== '')?.source ?? '',
    };
    return {
      device,
      invited: invited.length,
      counted: invited.filter(({ record }) => record.participants.includes(device)).length,
      ...completed(whole.get(device) ?? noCost, summed),
    };
  });
}

/** Tokens by joule of the devices that have a sensor: those of others would make it look better. */
function efficiency(costs: readonly Cost[]): number | null {
  const sensed = costs.filter(({ tokens, joules }) => tokens !== null && joules !== null && joules > 0);
  const joules = sumOf(sensed.map((cost) => cost.joules));
  return joules === null ? null : sumOf(sensed.map(({ tokens }) => tokens))! / joules;
}

/** By the time of each. */
function meanMfu(costs: readonly Cost[]): number | null {
  const rated = costs.filter(({ mfu, seconds }) => mfu !== null && seconds !== null);
  const seconds = sumOf(rated.map((cost) => cost.seconds));
  return seconds ? sumOf(rated.map(({ mfu, seconds: own }) => mfu! * own!))! / seconds : null;
}

/** Rounds after one another: a device's step 1 of round 2 follows the longest of round 1. */
function lossCurves(points: readonly Point[]): Curve[] {
  const training = points.filter(({ measurement }) => measurement === 'training');
  const longest = new Map<number, number>();
  for (const point of training) {
    const round = roundOf(point) ?? 0;
    longest.set(round, Math.max(longest.get(round) ?? 0, point.fields.steps ?? point.fields.step ?? 0));
  }
  const begins = new Map<number, number>();
  let steps = 0;
  for (const round of [...longest.keys()].sort((a, b) => a - b)) {
    begins.set(round, steps);
    steps += longest.get(round)!;
  }
  return curves(training, 'training', (point) => {
    const { step, loss } = point.fields;
    return [step === undefined ? undefined : begins.get(roundOf(point) ?? 0)! + step, loss];
  });
}

function curves(
  points: readonly Point[],
  measurement: string,
  place: (point: Point) => [number | undefined, number | undefined],
): Curve[] {
  const own = points.filter((point) => point.measurement === measurement && point.tags.device);
  return [...grouped(own, ({ tags }) => tags.device!)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([device, of]) => ({ device, points: of.flatMap((point) => told(place(point))).sort(byX) }))
    .filter((curve) => curve.points.length > 0);
}

const told = ([x, y]: [number | undefined, number | undefined]): [number, number][] =>
  x === undefined || y === undefined ? [] : [[x, y]];
const byX = ([a]: readonly [number, number], [b]: readonly [number, number]) => a - b;

/** Former versions kept it as a tag. */
function roundOf({ fields, tags }: Point): number | undefined {
  return fields.round ?? (tags.round === undefined ? undefined : Number(tags.round));
}

function grouped<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
