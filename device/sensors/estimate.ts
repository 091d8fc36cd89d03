import type { Board } from './board.js';
import { busyShare, cpuTimesOf } from './processor.js';
import type { PowerRails } from './sensor.js';

/** What somebody says that a machine without sensors draws. */
export interface PowerModel {
  /** W with all cores at work. */
  tdpWatts: number;
  /** W at rest. */
  idleWatts: number;
}

/** Watts by the load of the processor, between rest and all cores. An estimate, and called that in every point. */
export async function estimatePower(board: Board, { tdpWatts, idleWatts }: PowerModel): Promise<PowerRails> {
  const times = await cpuTimesOf(board);
  let last = await times();
  let share: number | undefined;
  return {
    source: 'estimate',
    averages: true,
    sensors: [
      {
        name: 'power model',
        async read() {
          const [before, now] = [last, await times()];
          last = now;
          share = busyShare(before, now) ?? share; // A tick is 10 ms: between two, the load is what it was.
          return share === undefined
            ? undefined
            : { rails: { estimate: idleWatts + (tdpWatts - idleWatts) * share } };
        },
      },
    ],
    total: (rails) => rails.estimate,
  };
}
