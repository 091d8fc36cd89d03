import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Example } from '../device/trainer-messages.js';
import type { EngineOptions } from '../schemas/engine-settings.js';
import type { Supervisor } from './supervisor.js';

/** A device as the demo sets it up: its name and the folder of its text and state. */
export interface DeviceFolder {
  id: string;
  folder: string;
  /** Held-out dialogues in it. */
  heldOut: number;
}

export interface FleetPlan {
  fleet: string;
  /** Before the names of its services, where there is more than one fleet. */
  prefix: string;
  devices: readonly DeviceFolder[];
  model: string;
  /** The coordinator's folder of runs. */
  runs: string;
  threads: number;
  /** How the trainers run the engine; without it the devices' own defaults. */
  engine?: EngineOptions;
  /** Of each trainer process; without it the device's own default. */
  trainerIdleS?: number;
  /** A service that is not started again when it dies: to see what the others do without it. */
  keepDead?: string;
}

/** Starts a broker on a free port of this machine. @returns its address, which a restart keeps */
export async function startBroker(supervisor: Supervisor): Promise<string> {
  let port = 0;
  const argv = () => ['broker', '--port', String(port), '--ws-port', '-1'];
  const facts = await supervisor.start({ name: 'broker', argv });
  port = Number(facts.port);
  return `mqtt://127.0.0.1:${port}`;
}

/** Starts a coordinator and its devices on a broker. @returns the names of their services */
export async function startFleet(supervisor: Supervisor, broker: string, plan: FleetPlan): Promise<string[]> {
  const { fleet, prefix, devices, model, runs, threads, engine, trainerIdleS, keepDead } = plan;
  const start = async (name: string, argv: string[]) => {
    const [command, ...flags] = argv as [string, ...string[]];
    const full = [command, '--broker', broker, '--fleet', fleet, ...flags];
    const leavesFirst = command === 'device'; // It hands a task back, and its last points in.
    const restart = name !== keepDead;
    await supervisor.start({ name: prefix + name, argv: () => full, restart, leavesFirst });
    return prefix + name;
  };
  const coordinator = await start('coordinator', ['coordinator', '--runs', runs]);
  const services = devices.map(({ id, folder, heldOut }, i) => {
    const text = ['--data', join(folder, trainFile)];
    if (heldOut > 0) text.push('--evaluation', join(folder, heldOutFile));
    if (trainerIdleS !== undefined) text.push('--trainer-idle-s', String(trainerIdleS));
    if (engine) text.push(...engineFlags(engine));
    // All of them share this machine's sensors: read by one, its joules are the machine's.
    if (i > 0) text.push('--no-power');
    const own = [
      '--id',
      id,
      '--model',
      model,
      '--threads',
      String(threads),
      '--state',
      join(folder, 'state'),
    ];
    return start(id, ['device', ...own, ...text]);
  });
  return [coordinator, ...(await Promise.all(services))];
}

const engineFlags = ({ memory, baseBits, recompute, provider }: EngineOptions) => [
  ...['--memory', memory, '--base-bits', baseBits, '--provider', provider],
  ...(recompute ? ['--recompute'] : []),
];

/** Stops the services of one fleet for good, as startFleet named them: its devices first; its broker stays. */
export async function endFleet(
  supervisor: Supervisor,
  [coordinator, ...devices]: readonly string[],
): Promise<void> {
  await Promise.all(devices.map((device) => supervisor.end(device)));
  if (coordinator) await supervisor.end(coordinator);
}

const trainFile = 'train.jsonl';
const heldOutFile = 'held-out.jsonl';

/** Writes a device's text where its service reads it. */
export async function writeDeviceFolder(
  id: string,
  folder: string,
  text: { train: readonly Example[]; heldOut: readonly Example[] },
): Promise<DeviceFolder> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, trainFile), jsonLines(text.train));
  await writeFile(join(folder, heldOutFile), jsonLines(text.heldOut));
  return { id, folder, heldOut: text.heldOut.length };
}

/** Examples as a device, and `fleetune summarize`, read them. */
export const jsonLines = (examples: readonly Example[]) =>
  examples.map(({ source, target }) => `${JSON.stringify({ dialogue: source, summary: target })}\n`).join('');
