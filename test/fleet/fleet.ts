import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtinModel } from '../../cli/builtin-model.js';
import { dealText } from '../../cli/dealing.js';
import { readDemoSettings } from '../../cli/demo-settings.js';
import { type DeviceFolder, startBroker, startFleet, writeDeviceFolder } from '../../cli/fleet.js';
import type { LiveState } from '../../cli/live-state.js';
import { type RunWatch, watchRuns } from '../../cli/run-watch.js';
import { Supervisor } from '../../cli/supervisor.js';
import type { Example } from '../../device/trainer-messages.js';
import type { RunSummary } from '../../schemas/status.js';
import { entry } from '../cli/command.js';

/** A fleet of real processes, as the demo starts it, with the built-in model and small shards. */
export interface TestFleet {
  broker: string;
  folder: string;
  devices: readonly DeviceFolder[];
  text: readonly Example[];
  supervisor: Supervisor;
  watch: RunWatch;
  /** What was heard, newest last; each call waits until `met` says so of what is heard from then on. */
  until(met: (state: LiveState) => boolean): Promise<LiveState>;
  /** Deaths that the supervisor told: name and how. */
  died: string[];
}

export const fleetName = 'test';

/** Small enough for two cores, large enough that the loss falls. */
export const runFlags = [
  ...['--devices', '3', '--examples', '24', '--evaluation-examples', '3', '--rounds', '2', '--steps', '3'],
  ...['--batch-size', '4', '--lora-rank', '4', '--max-target-tokens', '24', '--deadline-s', '60'],
];

export const modelMissing = existsSync(join(builtinModel, 'model.safetensors'))
  ? undefined
  : 'the built-in model is not there';

/** Starts a broker, a coordinator and three devices, and ends them all when the work is done or has failed. */
export async function withFleet(
  work: (fleet: TestFleet) => Promise<void>,
  other: { keepDead?: string; trainerIdleS?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<void> {
  const { env = process.env, ...ways } = other;
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-fleet-'));
  const died: string[] = [];
  const logs = join(folder, 'logs');
  const supervisor = new Supervisor(
    { entry, logs, env },
    { died: (name, how) => died.push(`${name} ${how}`) },
  );
  const waiting = new Set<{ met: (state: LiveState) => boolean; resolve: (state: LiveState) => void }>();
  let watch: RunWatch | undefined;
  try {
    const { devices: parts } = await dealText(readDemoSettings(runFlags, { name: 'test', summary: '' }, {}));
    const devices = await Promise.all(
      parts.map((part, i) => writeDeviceFolder(`device-${i + 1}`, join(folder, 'devices', `${i + 1}`), part)),
    );
    const broker = await startBroker(supervisor);
    const plan = { fleet: fleetName, prefix: '', devices, model: builtinModel, runs: join(folder, 'runs') };
    await startFleet(supervisor, broker, { ...plan, threads: 1, ...ways });
    watch = await watchRuns({ broker, fleet: fleetName, password: '', connectS: 10 }, (state) => {
      for (const one of waiting) {
        if (!one.met(state)) continue;
        waiting.delete(one);
        one.resolve(state);
      }
    });
    const until = (met: (state: LiveState) => boolean) =>
      new Promise<LiveState>((resolve) => void waiting.add({ met, resolve }));
    const text = parts.flatMap(({ train, heldOut }) => [...train, ...heldOut]);
    await work({ broker, folder, devices, text, supervisor, watch, until, died });
  } finally {
    await watch?.operator.close();
    await supervisor.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Triggers a run with the fleet's small settings. @param other settings that differ */
export async function startRun({ watch }: TestFleet, id: string, other: Record<string, unknown> = {}) {
  const { run } = readDemoSettings(runFlags, { name: 'test', summary: '' }, {});
  await watch.start({ id, settings: { ...run, evaluationExamples: 0, ...other } });
}

export async function completed({ watch }: TestFleet, id: string): Promise<RunSummary> {
  const summary = await watch.ended(id);
  if (summary.state !== 'completed')
    throw new Error(`run ${summary.run} ${summary.state}: ${summary.reason}`);
  return summary;
}

/** A device's round of training has begun, and no update of it has come. */
export const training =
  (round: number) =>
  ({ status }: LiveState) =>
    status?.state === 'training' && status.round === round && status.received.length === 0;

/** Every file below a folder, but those that `leftOut` names. */
export async function filesBelow(folder: string, leftOut: (path: string) => boolean): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((e) => e.isFile()).map((e) => join(e.parentPath ?? e.path, e.name));
  return paths.filter((path) => !leftOut(path));
}

/** Lines of the text that stand in some bytes: whole lines of dialogues and summaries. */
export function linesIn(bytes: Buffer, text: readonly Example[]): string[] {
  const lines = new Set(text.flatMap(({ source, target }) => [...source.split('\n'), target]));
  return [...lines].filter((line) => line.trim().length >= 12 && bytes.includes(line));
}

export const readSafe = (path: string) => readFile(path).catch(() => Buffer.alloc(0));
