import { rename, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { modelIdentity } from '../device/model-identity.js';
import { requireFolder } from '../runtime/files.js';
import { fail } from '../runtime/service.js';
import { Refusal } from '../schemas/refusal.js';
import type { RunSummary } from '../schemas/status.js';
import { compareAlone } from './alone.js';
import { builtinModel } from './builtin-model.js';
import type { CommandTitle } from './commands.js';
import { dealText } from './dealing.js';
import { type Demo, followRun, tickMs } from './demo-run.js';
import { type DemoSettings, readDemoSettings } from './demo-settings.js';
import { exampleText } from './example.js';
import { type DeviceFolder, startBroker, startFleet, writeDeviceFolder } from './fleet.js';
import { createLiveView } from './live-view.js';
import { PeakMemory } from './memory.js';
import { beforeAfter, memoryText, roundTable } from './report.js';
import { triggerId } from './rounds.js';
import { stopOnSignals } from './signals.js';
import { Supervisor } from './supervisor.js';
import { counted, secondsText } from './tables.js';

const fleet = 'demo';

/**
 * `fleetune demo`: text, services, run, result. All that it starts has ended when it ends, whatever happens. Works in
 * a folder of its own, which only a failure leaves behind: the result goes to `<folder>/<run>`, with the logs.
 */
export async function demo(argv: readonly string[], title: CommandTitle): Promise<void> {
  const settings = readDemoSettings(argv, title);
  const prepared = await prepare(settings);
  const { run } = await perform(prepared);
  await rename(join(prepared.folder, 'logs'), join(prepared.folder, run, 'logs'));
  await rename(join(prepared.folder, run), join(settings.folder, run));
  await rm(prepared.folder, { recursive: true });
}

/** @returns the summary of a completed run. @throws Refusal where it did not complete */
async function perform(prepared: Demo): Promise<RunSummary> {
  const startedMs = Date.now();
  const { settings } = prepared;
  const { supervisor, view } = prepared;
  const stopping = stopOnSignals(
    () => {
      view.close();
      process.stdout.write('stopping all services\n');
      return supervisor.stop();
    },
    () => supervisor.kill(),
  );
  const ticks = setInterval(() => prepared.memory.sample(supervisor.processes()), tickMs);
  try {
    view.note(opening(prepared));
    const broker = await startBroker(supervisor);
    await startFleet(supervisor, broker, {
      fleet,
      prefix: '',
      devices: prepared.devices,
      model: settings.model,
      runs: prepared.folder,
      threads: settings.threads,
    });
    const result = await followRun(prepared, broker, fleet, {});
    await report(prepared, result);
    view.note(
      `that took ${secondsText((Date.now() - startedMs) / 1000)}; ${memoryText(prepared.memory.peaks)}`,
    );
    if (settings.alone) view.note(`\n${await compareAlone(prepared, broker, result)}`);
    if (result.state !== 'completed')
      throw new Refusal(`run ${result.run} ${result.state}: ${result.reason}`);
    return result;
  } catch (error) {
    if (stopping()) return await new Promise(() => {}); // The signal's handler ends the process.
    throw error;
  } finally {
    clearInterval(ticks);
    await supervisor.stop();
  }
}

/** The folder with every device's text in it, and what will run there. Nothing runs yet. */
async function prepare(settings: DemoSettings): Promise<Demo> {
  await requireFolder(settings.folder, 'the demo’s folder (--folder)');
  await modelIdentity(settings.model, join(settings.folder, 'model-identity.json'));
  const text = await dealText(settings);
  const folder = join(settings.folder, triggerId('demo'));
  const view = createLiveView(process.stdout);
  const devices: DeviceFolder[] = [];
  for (const [i, dealt] of text.devices.entries()) {
    const id = `device-${i + 1}`;
    devices.push(await writeDeviceFolder(id, join(folder, 'devices', id), dealt));
  }
  const supervisor = new Supervisor(
    { entry: process.argv[1]!, logs: join(folder, 'logs'), env: withoutSettings(process.env) },
    {
      died: (name, how, waitMs) =>
        view.note(
          `${name} ${how}${waitMs === undefined ? '' : `: started again in ${Math.ceil(waitMs)} ms`}`,
        ),
      gaveUp: (problem) => void supervisor.stop().finally(() => fail(problem)),
    },
  );
  return { settings, text, devices, folder, supervisor, view, memory: new PeakMemory() };
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

async function report(prepared: Demo, result: RunSummary): Promise<void> {
  const { view, folder, text, settings } = prepared;
  view.note(`\n${roundTable(result.rounds)}\n\n${beforeAfter(result)}\n`);
  if (!result.adapter) return;
  const adapter = join(folder, result.run, result.adapter.path);
  const example = text.devices.flatMap(({ heldOut }) => heldOut)[0];
  if (example) view.note(`${await exampleText(prepared, example, adapter)}\n`);
  const home = join(settings.folder, result.run);
  view.note(`result: ${shown(home)}: summary.json, the adapter in ${result.adapter.path}, logs`);
}

const shown = (path: string) => relative(process.cwd(), path) || '.';
