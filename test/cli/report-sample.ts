import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pointOf } from '../../schemas/measurements.js';
import type { Point } from '../../schemas/messages.js';
import { runSettings } from '../../schemas/run-settings.js';
import { checkSettings } from '../../schemas/settings.js';
import { type RoundRecord, type RunSummary, unmeasured } from '../../schemas/status.js';
import { lineOf } from '../../telemetry/point.js';

/** A run as a fleet might leave it: two boards with sensors, one without, one that is refused now and then. */

export const startedMs = Date.parse('2026-03-01T10:00:00.000Z');
export const devices = ['agx-orin', 'orin-nano', 'pi-5', 'xavier'];
const roundS = 40;
export const sha256 = 'ab'.repeat(32);

export function sampleSummary(change: Partial<RunSummary> = {}, rounds = 8): RunSummary {
  const score = (round: number) => ({ loss: 1.4 + 2.1 * 0.75 ** round, rougeL: 34 - 22 * 0.8 ** round });
  const full = (round: number) => ({
    ...score(round),
    rouge1: score(round).rougeL + 6,
    rouge2: 9,
    examples: 40,
  });
  const { settings } = checkSettings(runSettings, { rounds, optimizer: 'fedadam', learningRate: 0.003 });
  return {
    format: 1,
    run: '20260301-100000-ab12',
    state: 'completed',
    reason: '',
    trigger: { id: 'cli-1', source: 'mqtt', dueAt: null, late: false },
    model: { sha256: 'cd'.repeat(32) },
    settings: settings as RunSummary['settings'],
    startedAt: new Date(startedMs).toISOString(),
    endedAt: new Date(startedMs + rounds * roundS * 1000).toISOString(),
    before: full(0),
    after: full(rounds),
    rounds: Array.from({ length: rounds }, (_, i) => sampleRound(i + 1, score(i + 1))),
    costs: unmeasured,
    adapter: { path: 'adapter', version: rounds, sha256 },
    ...change,
  };
}

function sampleRound(round: number, { loss, rougeL }: { loss: number; rougeL: number }): RoundRecord {
  const failed = round === 5;
  const refused: Record<string, string> =
    round === 3
      ? { xavier: 'its update is not finite' }
      : failed
        ? { xavier: 'gone', 'pi-5': 'deadline' }
        : {};
  const participants = failed
    ? []
    : devices.filter((id) => refused[id] === undefined && (id !== 'pi-5' || round % 4 !== 0));
  return {
    ...unmeasured,
    round,
    state: failed ? 'failed' : 'closed',
    reason: failed ? 'quorum not met: 2 of 4' : '',
    invited: [...devices],
    participants,
    refused,
    ...(round === 2 ? { outOfMemory: { 'pi-5': '8 × 512 × 128 tokens; done 4 at a time' } } : {}),
    trainLoss: failed ? null : loss + 0.15,
    evalLoss: failed ? null : loss,
    rougeL: failed ? null : rougeL,
    bytesUp: participants.length * 2_400_000,
    bytesDown: devices.length * 2_500_000,
    seconds: roundS,
    joules: failed ? null : 900 + 30 * round,
    version: round,
    sha256,
  };
}

export function samplePoints({ run, rounds }: RunSummary): Point[] {
  return rounds.flatMap(({ round }) => {
    const atMs = startedMs + (round - 1) * roundS * 1000;
    const own = pointOf('round', { run }, { round, train_s: 24, aggregate_s: 2, evaluate_s: 9 }, atMs);
    return [own, ...devices.flatMap((device, i) => devicePoints(run, device, i, round, atMs))];
  });
}

function devicePoints(run: string, device: string, i: number, round: number, atMs: number): Point[] {
  const joules = i < 2 ? 400 + 100 * i + 12 * round : undefined;
  const task = {
    round,
    examples: 160,
    tokens: 9_000 - 1_500 * i,
    loss: 2,
    seconds: 15 + i,
    joules,
    idle_watts: joules && 5,
  };
  const moved = {
    round,
    bytes_up: 2_400_000,
    bytes_down: 2_500_000,
    up_s: 2,
    down_s: 1.5,
    granularity: 4 + i,
    network_joules: 12,
  };
  const steps = Array.from({ length: 20 }, (_, step) => {
    const loss = 1.4 + 2.3 * 0.98 ** (20 * (round - 1) + step) + 0.08 * Math.sin(step * (i + 2)) + 0.1 * i;
    return pointOf(
      'training',
      { device, run },
      { round, step: step + 1, steps: 20, loss },
      atMs + step * 900,
    );
  });
  const watts = Array.from({ length: i < 2 ? roundS : 0 }, (_, s) =>
    pointOf(
      'power',
      { device, rail: 'total', source: 'ina3221' },
      { watts: (s < 20 ? 22 : 7) - 4 * i + Math.sin(s) },
      atMs + s * 1000,
    ),
  );
  return [
    pointOf('task', { device, run, kind: 'train' }, task, atMs),
    pointOf('network', { device, run, kind: 'train' }, moved, atMs),
    ...steps,
    ...watts,
  ];
}

/** A folder of runs with this one in it, its points beside it as a coordinator's spool. */
export async function writeRun(
  runs: string,
  summary: RunSummary,
  points: readonly Point[] = [],
): Promise<string> {
  const folder = join(runs, summary.run);
  await mkdir(folder, { recursive: true });
  await mkdir(join(runs, 'telemetry'), { recursive: true });
  await writeFile(join(folder, 'summary.json'), JSON.stringify(summary));
  const lines = points.map((point) => `${lineOf(point)}\n`).join('');
  await writeFile(join(runs, 'telemetry', '000000000001.lp'), `${lines}half a li`);
  return folder;
}
