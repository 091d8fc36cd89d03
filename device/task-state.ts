import type { Task, TaskKey } from '../schemas/messages.js';
import type { Finished } from './journal.js';

/** What a device is about. One task at a time. */
export type DeviceState =
  | { phase: 'idle' }
  | { phase: 'working'; task: Task }
  | { phase: 'offering'; finished: Finished };

/**
 * ignore: nothing changes; work: do it, in the place of what is done now; offer: what is finished; stop: drop
 * all.
 */
export type Step = 'ignore' | 'work' | 'offer' | 'stop';

/** What a task that was told, perhaps again, perhaps late, asks for. `finished` is the update on disk. */
export function stepFor(state: DeviceState, finished: Finished | undefined, task: Task): Step {
  const current =
    state.phase === 'working' ? state.task : state.phase === 'offering' ? state.finished : undefined;
  if (task.key.kind === 'cancel') return current && ends(task.key, current.key) ? 'stop' : 'ignore';
  // Told again in mid-upload: a coordinator that was restarted waits for a chunk; one asks it where to go on.
  if (current && isSame(current, task)) return state.phase === 'working' ? 'ignore' : 'offer';
  if (current && isOlder(task, current)) return 'ignore';
  if (!finished) return 'work';
  if (isSame(finished, task)) return 'offer';
  return isOlder(task, finished) ? 'ignore' : 'work';
}

/** A run that was started again under its old name may start from another adapter. */
const isSame = (known: Pick<Task, 'key' | 'baseSha256'>, task: Task) =>
  known.key.run === task.key.run &&
  known.key.round === task.key.round &&
  known.key.kind === task.key.kind &&
  known.baseSha256 === task.baseSha256;

/** A cancel that was overtaken by the task of a later round ends nothing. */
const ends = (cancel: TaskKey, current: TaskKey) =>
  cancel.run === current.run && cancel.round >= current.round;

/** A run that was restored from a backup goes through rounds again that devices had left behind. */
function isOlder(task: Pick<Task, 'key' | 'term'>, current: Pick<Task, 'key' | 'term'>): boolean {
  const [term, currentTerm] = [task.term ?? 0, current.term ?? 0];
  if (task.key.run !== current.key.run || term !== currentTerm)
    return task.key.run === current.key.run && term < currentTerm;
  return place(task.key) < place(current.key);
}
const place = ({ round, kind }: TaskKey) => round * 3 + ['init', 'train', 'evaluate'].indexOf(kind);
