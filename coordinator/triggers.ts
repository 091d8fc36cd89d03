import { Refusal } from '../schemas/refusal.js';
import type { RunSettings } from '../schemas/run-settings.js';
import { readTrigger } from '../schemas/trigger.js';

/** What to do about a message on rounds/start. */
export type TriggerAnswer =
  | { do: 'start'; id: string; settings: RunSettings }
  /** Its id has its run already, which status and result are of. */
  | { do: 'repeat' }
  | { do: 'refuse'; id: string | null; reason: string };

export interface TriggerWorld {
  /** The coordinator's own settings of a run. */
  defaults: Record<string, unknown>;
  /** Trigger id → the run that it was started for. */
  runsById: ReadonlyMap<string, string>;
  /** The run that is on. */
  open: { run: string; round: number; rounds: number } | null;
  /** The run that ended last. */
  latest: string | null;
}

/**
 * Pure. The same id twice is one run: a repeat is answered with what became of it, and starts nothing. The
 * broker keeps only the last result, so that of an older run is where it was left: in the runs folder.
 */
export function answerTrigger(
  payload: Uint8Array,
  topic: string,
  retained: boolean,
  world: TriggerWorld,
): TriggerAnswer {
  const refuse = (reason: string, id = idIn(payload)): TriggerAnswer => ({ do: 'refuse', id, reason });
  if (retained)
    return refuse('a retained trigger would start a run at every restart: publish it without retain');
  try {
    const { id, settings } = readTrigger(payload, topic, world.defaults);
    const known = id === null ? undefined : world.runsById.get(id);
    if (known !== undefined && (known === world.open?.run || known === world.latest)) return { do: 'repeat' };
    if (known !== undefined) return refuse(`id ${id} was run already as ${known}`, id);
    if (world.open) {
      const { run, round, rounds } = world.open;
      return refuse(
        `run ${run} is on (round ${round} of ${rounds}): wait for its end, or stop it with rounds/stop`,
        id,
      );
    }
    return { do: 'start', id: id ?? '', settings };
  } catch (error) {
    if (error instanceof Refusal) return refuse(error.message);
    throw error;
  }
}

/** The id of a trigger that is otherwise not readable, where it is JSON. */
function idIn(payload: Uint8Array): string | null {
  try {
    const { id } = JSON.parse(Buffer.from(payload).toString()) as { id?: unknown };
    return typeof id === 'string' ? id.slice(0, 64) : null;
  } catch {
    return null;
  }
}
