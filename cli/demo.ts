import { rename } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { modelIdentity } from '../device/model-identity.js';
import { requireFolder } from '../runtime/files.js';
import { fail } from '../runtime/service.js';
import { engineOptions } from '../schemas/engine-settings.js';
import { Refusal } from '../schemas/refusal.js';
import type { RunSummary } from '../schemas/status.js';
import { compareAlone } from './alone.js';
import { builtinModel } from './builtin-model.js';
import type { CommandTitle } from './commands.js';
import { dealText } from './dealing.js';
import { devicesIn, keepLogs, logsIn, pointsIn, removeAll, removeText } from './demo-folder.js';
import { type Demo, followRun, tickMs } from './demo-run.js';
import { readDemoSettings } from './demo-settings.js';
import { exampleText } from './example.js';
import { type DeviceFolder, endFleet, startBroker, startFleet, writeDeviceFolder } from './fleet.js';
import { createLiveView, type LiveView } from './live-view.js';
import { ownPeakBytes, PeakMemory } from './memory.js';
import { writeReport } from './report/command.js';
import { findRun } from './report/places.js';
import { beforeAfter, memoryText, roundTable } from './report.js';
import { triggerId } from './rounds.js';
import { stopOnSignals } from './signals.js';
import { Supervisor } from './supervisor.js';
import { counted, secondsText } from './tables.js';

const fleet = 'demo';

/**
 * `fleetune demo`: text, services, run, result. All that it starts has ended when it ends, whatever happens. Works in
 * a folder of its own, of which only a failure leaves anything, its logs: the result goes to `<folder>/<run>`.
 */
export async function demo(argv: readonly string[], title: CommandTitle): Promise<void> {
  const settings = readDemoSettings(argv, title);
  const folder = join(settings.folder, triggerId('demo'));
  const view = createLiveView(process.stdout);
  const supervisor = supervised(folder, view);
  const memory = new PeakMemory();
  const stopping = stopOnSignals(
    () => {
      view.close();
      process.stdout.write('stopping all services\n');
      return supervisor.stop();
    },
    () => supervisor.kill(),
  );
  let done = false;
  process.once('exit', () => (done || stopping() ? removeAll(folder) : removeText(folder)));
  const ticks = setInterval(() => memory.sample(supervisor.processes()), tickMs);
  try {
    await perform(await prepare({ settings, folder, supervisor, view, memory }));
    done = true;
  } catch (error) {
    if (stopping()) return await new Promise(() => {}); // The signal's handler ends the process.
    throw error;
  } finally {
    clearInterval(ticks);
    await supervisor.stop();
  }
}

/** @throws Refusal where the run did not complete */
async function perform(demo: Demo): Promise<void> {
  const startedMs = Date.now();
  const { settings, folder, supervisor, view, memory } = demo;
  view.note(opening(demo));
  const broker = await startBroker(supervisor);
  const services = await startFleet(supervisor, broker, {
    fleet,
    prefix: '',
    devices: demo.devices,
    model: settings.model,
    runs: folder,
    threads: settings.threads,
    engine: engineOptions(settings),
  });
  const result = await followRun(demo, broker, fleet, {});
  view.note(`\n${roundTable(result.rounds)}\n\n${beforeAfter(result)}\n`);
  memory.sample(supervisor.processes());
  await endFleet(supervisor, services);
  if (result.state !== 'completed')
    throw new Refusal(`run ${result.run} ${result.state}: ${result.reason}: see ${shown(folder)}`);
  const home = join(settings.folder, result.run);
  await rename(join(folder, result.run), home); // Nobody writes there any more, and from here on it stays.
  await keepLogs(folder, home);
  await rename(pointsIn(folder), pointsIn(home));
  await writeReport(await findRun(home, settings.folder));
  await tellResult(demo, result, home);
  memory.raise('demo', ownPeakBytes());
  view.note(`that took ${secondsText((Date.now() - startedMs) / 1000)}; ${memoryText(memory.peaks)}`);
  if (!settings.alone) return;
  view.note(`\n${await compareAlone(demo, broker, result)}`);
  await keepLogs(folder, home);
}

/** Writes every device's text where its service will read it. */
async function prepare(parts: Omit<Demo, 'text' | 'devices'>): Promise<Demo> {
  const { settings, folder } = parts;
  await requireFolder(settings.folder, 'the demo’s folder (--folder)');
  await modelIdentity(settings.model, join(settings.folder, 'model-identity.json'));
  const text = await dealText(settings);
  const devices: DeviceFolder[] = [];
  for (const [i, dealt] of text.devices.entries()) {
    const id = `device-${i + 1}`;
    devices.push(await writeDeviceFolder(id, join(devicesIn(folder), id), dealt));
  }
  return { ...parts, text, devices };
}

function supervised(folder: string, view: LiveView): Supervisor {
  const settings = { entry: process.argv[1]!, logs: logsIn(folder), env: withoutSettings(process.env) };
  const supervisor = new Supervisor(settings, {
    died: (name, how, waitMs) =>
      view.note(`${name} ${how}${waitMs === undefined ? '' : `: started again in ${Math.ceil(waitMs)} ms`}`),
    gaveUp: (problem) => void supervisor.stop().finally(() => fail(problem)),
  });
  return supervisor;
}

/** Our own settings go to the services as flags; what the environment says was meant for the demo. */
const withoutSettings = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([key]) => !key.startsWith('FLEETUNE_')));

function opening({ settings, text, devices, folder }: Demo): string {
  const { run, model } = settings;
  const steps = run.steps > 0 ? counted(run.steps, 'step') : counted(run.epochs, 'epoch');
  return [
    `${counted(devices.length, 'device')} fine-tune ${model === builtinModel ? 'the built-in T5' : model} together: ` +
      `LoRA r=${run.loraRank}, ${counted(run.rounds, 'round')} of ${steps} of ${run.batchSize}, ${run.optimizer}`,
    ...devices.map(({ id }, i) => `  ${id}: ${text.devices[i]!.about}`),
    ...text.notes.map((note) => `  ${note}`),
    `  evaluating on ${text.scored} of ${text.heldOut} held-out dialogues`,
    `  at work in ${shown(folder)}`,
    '',
  ].join('\n');
}

async function tellResult(demo: Demo, { adapter }: RunSummary, home: string): Promise<void> {
  const { view, text } = demo;
  const example = text.devices.flatMap(({ heldOut }) => heldOut)[0];
  if (example && adapter) view.note(`${await exampleText(demo, example, join(home, adapter.path))}\n`);
  const parts = [
    'summary.json',
    'report.html',
    ...(adapter ? [`the adapter in ${adapter.path}`] : []),
    'logs',
  ];
  view.note(`result: ${shown(home)}: ${parts.join(', ')}`);
}

const shown = (path: string) => relative(process.cwd(), path) || '.';
