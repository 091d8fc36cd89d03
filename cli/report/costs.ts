import type { Point } from '../../schemas/messages.js';
import type { DeviceCost, RoundRecord } from '../../schemas/status.js';
import type { Phases } from './facts.js';

/** What a round, or a run, cost a device. Null: nobody measured it. */
export interface Cost {
  examples: number | null;
  tokens: number | null;
  /** Of training. */
  seconds: number | null;
  joules: number | null;
  evaluationS: number | null;
  evaluationJoules: number | null;
  idleWatts: number | null;
  mfu: number | null;
  bytesUp: number | null;
  bytesDown: number | null;
  transferS: number | null;
  networkJoules: number | null;
  granularity: number | null;
  loss: number | null;
  /** Of the joules; '' where nobody told. */
  source: string;
}

export const noCost: Cost = {
  examples: null,
  tokens: null,
  seconds: null,
  joules: null,
  evaluationS: null,
  evaluationJoules: null,
  idleWatts: null,
  mfu: null,
  bytesUp: null,
  bytesDown: null,
  transferS: null,
  networkJoules: null,
  granularity: null,
  loss: null,
  source: '',
};

/** What a round's record, or a run's summary, tells of its devices. */
export const toldCosts = (perDevice: Readonly<Record<string, DeviceCost>> = {}): Map<string, Cost> =>
  new Map(Object.entries(perDevice).map(([device, told]) => [device, costOf(told)]));

function costOf(told: DeviceCost): Cost {
  const number = (key: keyof DeviceCost) => finite(told[key]);
  const { source } = told;
  return {
    examples: number('examples'),
    tokens: number('tokens'),
    seconds: number('seconds'),
    joules: number('joules'),
    evaluationS: number('evaluationS'),
    evaluationJoules: number('evaluationJoules'),
    idleWatts: number('idleWatts'),
    mfu: number('mfu'),
    bytesUp: number('bytesUp'),
    bytesDown: number('bytesDown'),
    transferS: number('transferS'),
    networkJoules: number('networkJoules'),
    granularity: number('granularity'),
    loss: number('loss'),
    source: typeof source === 'string' ? source : '',
  };
}

/** Undefined where the record tells of none. */
export function recordPhases(record: RoundRecord): Phases | undefined {
  const { trainS, aggregateS, evaluateS } = record;
  if (finite(trainS) === null) return undefined;
  return { train: finite(trainS), aggregate: finite(aggregateS), evaluate: finite(evaluateS) };
}

/** Where the one tells nothing, what the other does. */
export const completed = (cost: Cost, other: Cost): Cost => ({
  ...other,
  ...Object.fromEntries(Object.entries(cost).filter(([, value]) => value !== null && value !== '')),
});

/** All that it computed for the round. */
export const computedS = ({ seconds, evaluationS }: Cost) => sumOf([seconds, evaluationS]);
export const spentJoules = ({ joules, evaluationJoules }: Cost) => sumOf([joules, evaluationJoules]);

/** A device's cost with what one more of its points tells. */
export function withPoint(cost: Cost, { measurement, tags, fields }: Point): Cost {
  const known = (name: string) => fields[name] ?? null;
  const more = (key: 'bytesUp' | 'bytesDown' | 'transferS' | 'networkJoules', ...names: string[]) =>
    sumOf([cost[key], ...names.map(known)]);
  const trained = tags.kind === undefined || tags.kind === 'train';
  if (measurement === 'network')
    return {
      ...cost,
      bytesUp: more('bytesUp', 'bytes_up'),
      bytesDown: more('bytesDown', 'bytes_down'),
      transferS: more('transferS', 'up_s', 'down_s'),
      networkJoules: more('networkJoules', 'network_joules'),
      granularity: (trained ? known('granularity') : null) ?? cost.granularity,
    };
  if (measurement !== 'task') return cost;
  if (!trained) return { ...cost, evaluationS: known('seconds'), evaluationJoules: known('joules') };
  return {
    ...cost,
    examples: known('examples'),
    tokens: known('tokens'),
    seconds: known('seconds'),
    joules: known('joules'),
    idleWatts: known('idle_watts'),
    mfu: known('mfu'),
    source: tags.source ?? cost.source,
    loss: known('loss'),
  };
}

/** Of those that were measured; null where none was. */
export function sumOf(values: readonly (number | null)[]): number | null {
  const measured = values.filter((value) => value !== null);
  return measured.length === 0 ? null : measured.reduce((sum, value) => sum + value, 0);
}

const finite = (value: unknown): number | null => (Number.isFinite(value) ? (value as number) : null);
