import type { LiveRound } from '../schemas/live.js';
import type { Presence } from '../schemas/messages.js';
import { phaseText } from '../schemas/progress.js';
import type { FleetStatus } from '../schemas/status.js';
import { type LiveState, snapshot } from './live-state.js';
import { plain, roundText } from './live-text.js';
import { beforeAfter } from './report.js';
import { counted } from './tables.js';

/** What happened between two states of a fleet, a line each, in the order in which it is told. Pure. */
export function eventsBetween(before: LiveState, after: LiveState): string[] {
  if (before === after) return [];
  const lines = [
    ...linkEvents(before, after),
    ...deviceEvents(before, after),
    ...(before.status === after.status ? [] : runEvents(before, after)),
    ...(before.result?.run === after.result?.run ? [] : resultEvents(after)), // It is retained: it comes again.
    ...(before.refused === after.refused ? [] : refusedEvents(after)),
  ];
  return lines.map(plain);
}

const linkEvents = (before: LiveState, after: LiveState) => [
  ...(before.connected === after.connected
    ? []
    : [after.connected ? 'the broker is back' : 'the broker is away: it is tried again']),
  ...(before.coordinating === after.coordinating
    ? []
    : [after.coordinating ? 'the coordinator is back' : 'the coordinator is away']),
];

function deviceEvents({ presences: before }: LiveState, { presences: after }: LiveState): string[] {
  if (before === after) return [];
  const changed = [...after].filter(([id, presence]) => {
    const old = before.get(id);
    return old !== presence && standing(old) !== standing(presence);
  });
  const gone = [...before.keys()].filter((id) => !after.has(id));
  return [
    ...changed.map(([id, presence]) => `${id} ${standing(presence)}`),
    ...gone.map((id) => `${id} is not heard of any more`),
  ];
}

function standing(presence: Presence | undefined): string {
  if (!presence) return '';
  if (!presence.online) return 'is away';
  if (presence.problem !== '') return `takes no task: ${presence.problem}`;
  return `is ready: ${counted(presence.trainExamples, 'example')}, version ${presence.version}`;
}

function runEvents(before: LiveState, after: LiveState): string[] {
  const [old, status] = [before.status, after.status];
  if (!status) return [];
  if (!status.run) return old ? [] : ['no run yet'];
  const same = old?.run === status.run;
  const begun =
    same || status.state === 'idle' ? [] : [`run ${status.run}: ${counted(status.rounds, 'round')}`];
  return [
    ...begun,
    ...(same ? roundEvents(before, after) : []),
    ...phaseEvents(same ? old : undefined, status),
  ];
}

function phaseEvents(old: FleetStatus | undefined, status: FleetStatus): string[] {
  if (status.state === 'idle') return []; // The result tells it.
  const came = old ? status.received.filter((id) => !old.received.includes(id)) : [];
  const stage = (s: FleetStatus) => `${s.state} ${s.round} ${s.note}`;
  if (old && stage(old) === stage(status)) return came.map((id) => `${id} answered: ${phaseText(status)}`);
  return [phaseText(status)];
}

/** A round is told when it is trained, and again when it is evaluated. */
function roundEvents(before: LiveState, after: LiveState): string[] {
  const known = new Map(before.status!.history.map((record) => [record.round, record]));
  const changed = after.status!.history.filter(({ round, evalLoss, state }) => {
    const old = known.get(round);
    return !old || old.evalLoss !== evalLoss || old.state !== state;
  });
  const rounds = new Set(changed.map(({ round }) => round));
  const told = snapshot(after, 0, 0).history.filter(({ round }: LiveRound) => rounds.has(round));
  return told.map((round) => {
    const how = round.evalLoss === null ? 'is trained: ' : 'is evaluated: ';
    return `round ${round.round} ${round.state === 'failed' ? '' : how}${roundText(round)}`;
  });
}

function resultEvents({ result }: LiveState): string[] {
  if (!result) return [];
  const { run, state, reason, rounds } = result;
  const why = reason === '' ? '' : `: ${reason}`;
  return [`run ${run} ${state}${why}, ${counted(rounds.length, 'round')}, ${beforeAfter(result)}`];
}

const refusedEvents = ({ refused }: LiveState) =>
  refused ? [`a trigger${refused.id ? ` (${refused.id})` : ''} was refused: ${refused.reason}`] : [];
