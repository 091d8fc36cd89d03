import { type LiveState, nothingHeard, withPresence, withTelemetry } from '../../cli/live-state.js';
import type { Point, Presence } from '../../schemas/messages.js';
import { type FleetStatus, type RoundRecord, unmeasured } from '../../schemas/status.js';

/** A run of two devices in its second round, as an operator hears of it. */

export const record: RoundRecord = {
  ...unmeasured,
  round: 1,
  state: 'closed',
  reason: '',
  invited: ['a', 'b'],
  participants: ['a'],
  refused: { b: 'its update is not finite' },
  trainLoss: 2.5,
  evalLoss: 2.25,
  rougeL: 30,
  bytesUp: 2048,
  bytesDown: 1024 ** 2,
  seconds: 10,
  version: 1,
  sha256: '',
};

export const score = { loss: 3, rouge1: 1, rouge2: 1, rougeL: 20, examples: 9 };

export const status: FleetStatus = {
  format: 1,
  state: 'training',
  run: 'r1',
  trigger: 't1',
  round: 2,
  rounds: 4,
  invited: ['a', 'b'],
  received: ['b'],
  deadlineAt: null,
  note: '',
  before: score,
  history: [record],
  startedAt: '2026-01-01T00:00:00.000Z',
};

export const presence: Presence = {
  deviceId: 'a',
  session: 1,
  online: true,
  modelSha256: '',
  trainExamples: 5,
  evaluationExamples: 2,
  version: '0.1.0',
  problem: '',
};

export const atMs = Date.parse('2026-01-01T00:00:16.000Z');

const point = (measurement: string, tags: Record<string, string>, fields: Record<string, number>): Point => ({
  measurement,
  tags,
  fields,
  timeMs: 1,
});

/** Device a at step 3 of 8, which measures itself, and device b, whose update is in. */
export function fleetAtWork(): LiveState {
  const heard = { ...nothingHeard('home'), status };
  const both = withPresence(withPresence(heard, presence), { ...presence, deviceId: 'b' });
  const step = { round: 2, step: 3, steps: 8, loss: 2, tokens_per_s: 1200, tokens_per_joule: 60, mfu: 0.42 };
  const points = [
    point('training', { run: 'r1' }, step),
    point('power', { rail: 'total', source: 'rapl' }, { watts: 20 }),
    point('power', { rail: 'dram', source: 'rapl' }, { watts: 3 }),
    point('utilization', {}, { temperature_c: 61.4, net_rx_bytes_per_s: 2048, net_tx_bytes_per_s: 1024 }),
  ];
  return withTelemetry(both, { deviceId: 'a', points, batch: 0 }, atMs);
}
