import { pointOf } from '../schemas/measurements.js';
import type { Point } from '../schemas/messages.js';

/** What a device tells of itself besides what it measures. */
export interface Condition {
  version: string;
  /** It can take a task. */
  ready: boolean;
  /** Why it can't; empty where it can. */
  problem: string;
  busy: boolean;
  trainExamples: number;
  waitingUpdates: number;
}

/** Writes a point of measurement `device` now and every `everyMs`. @returns what ends it */
export function startHeartbeat(
  condition: () => Condition,
  everyMs: number,
  write: (points: Point[]) => void,
) {
  const beat = () => write([conditionPoint(condition(), process.uptime(), Date.now())]);
  beat();
  const timer = setInterval(beat, everyMs);
  return { stop: () => clearInterval(timer) };
}

export function conditionPoint(condition: Condition, uptimeS: number, timeMs: number): Point {
  const { version, ready, busy, trainExamples, waitingUpdates } = condition;
  const fields = {
    up: 1,
    ready: Number(ready),
    busy: Number(busy),
    uptime_s: Math.round(uptimeS),
    train_examples: trainExamples,
    waiting_updates: waitingUpdates,
  };
  return pointOf('device', { version }, fields, timeMs);
}
