import type { FleetStatus } from './status.js';

/** How far a run is, from its status. Pure. */

/** What the run is doing, and how many of its devices have answered. */
export function phaseText({ state, round, rounds, invited, received, note }: FleetStatus): string {
  const counted = invited.length > 0 ? ` (${received.length} of ${invited.length} in)` : '';
  if (state === 'init') return 'making the first adapter';
  if (state === 'training') return `round ${round} of ${rounds}: training${counted}`;
  if (state === 'evaluating')
    return round === 0
      ? `evaluating the model as it is${counted}`
      : `round ${round} of ${rounds}: evaluating${counted}`;
  return `${state === 'idle' ? 'ended' : state}${note ? `: ${note}` : ''}`;
}

/** From the mean of the rounds so far; undefined before the first has ended. */
export function secondsLeft(status: FleetStatus, nowMs: number): number | undefined {
  const { history, rounds, startedAt, state } = status;
  if (state === 'idle') return undefined;
  const done = history.filter(({ evalLoss, state }) => evalLoss !== null || state === 'failed');
  if (done.length === 0 || !startedAt) return undefined;
  const all = done.reduce((sum, { seconds }) => sum + seconds, 0);
  const perRound = all / done.length;
  const elapsed = (nowMs - Date.parse(startedAt)) / 1000;
  // What lies before round 1 (first adapter, first evaluation) is paid once: at most one round's time is taken for it.
  const overhead = Math.min(perRound, Math.max(0, elapsed - all));
  return Math.max(0, perRound * rounds + overhead - elapsed);
}
