import { randomBytes } from 'node:crypto';
import { readArguments, readSettings } from '../runtime/settings.js';
import { Refusal } from '../schemas/refusal.js';
import { presets, runSettings } from '../schemas/run-settings.js';
import type { SettingTable } from '../schemas/settings.js';
import type { CommandTitle } from './commands.js';
import { plain } from './live-text.js';
import { createLiveView } from './live-view.js';
import { operatorSettings } from './operator.js';
import { beforeAfter, roundTable } from './report.js';
import { watchRuns } from './run-watch.js';

export const presetSetting = {
  preset: {
    kind: 'choice',
    default: 'none',
    choices: ['none', ...Object.keys(presets)],
    help: 'named set of run settings; flags go before it',
  },
} satisfies SettingTable;

export const startSettings = {
  ...operatorSettings,
  id: { kind: 'text', default: '', help: 'of the trigger: the same id again starts no second run' },
  wait: { kind: 'flag', default: false, help: 'follow the run to its end; exit code 1 unless it completes' },
  ...presetSetting,
  ...runSettings,
} satisfies SettingTable;

/** `fleetune rounds start`: only what was given goes into the trigger, the rest is as the coordinator has it. */
export async function startRounds(argv: readonly string[], { name, summary }: CommandTitle): Promise<void> {
  const { settings, given } = readArguments(
    startSettings,
    { argv, env: process.env, command: name, summary },
    0,
  );
  const { json, wait } = settings;
  const id = settings.id || triggerId('cli');
  const view = wait && !json ? createLiveView(process.stdout) : undefined;
  let ours = ''; // Nothing is shown of a run that was there before.
  const watch = await watchRuns(settings, (state) => {
    if (ours !== '' && state.status?.run === ours) view?.show(state);
  });
  const told = Object.entries(settings).filter(
    ([key, value]) =>
      given.has(key) && (Object.hasOwn(runSettings, key) || (key === 'preset' && value !== 'none')),
  );
  const { run, known } = await watch.start({ id, settings: Object.fromEntries(told) });
  ours = run;
  const follow = wait && (known !== 'ended' || watch.result(id) !== undefined);
  const result = follow ? await watch.ended(id) : watch.result(id);
  view?.end();
  await watch.operator.close();
  if (!follow) {
    const text = known
      ? `id ${id} is run ${run}, which ${known === 'on' ? 'is on' : `has ended${result ? ` as ${result.state}` : ''}`}`
      : `run ${run} started (trigger ${id}); see fleetune status`;
    process.stdout.write(`${json ? JSON.stringify({ id, run, known }) : text}\n`);
    return;
  }
  const { state, reason, rounds } = result!;
  const text = json
    ? JSON.stringify(result)
    : `run ${run} ${state}\n\n${roundTable(rounds)}\n\n${beforeAfter(result!)}`;
  process.stdout.write(`${text}\n`);
  if (state !== 'completed') throw new Refusal(`run ${run} ${state}: ${plain(reason)}`);
}

/** `fleetune rounds stop`: until the coordinator said that the run has ended, or why it has not. */
export async function stopRounds(argv: readonly string[], { name, summary }: CommandTitle): Promise<void> {
  const settings = readSettings(operatorSettings, { argv, env: process.env, command: name, summary });
  const watch = await watchRuns(settings);
  const { run, state, reason, rounds } = await watch.stop();
  await watch.operator.close();
  const text = `run ${run} ${state}: ${plain(reason)} (${rounds.length} rounds done)`;
  process.stdout.write(`${settings.json ? JSON.stringify({ run, state, reason }) : text}\n`);
}

/** A trigger's id that nobody used before. */
export const triggerId = (origin: string) =>
  `${origin}-${new Date().toISOString().replaceAll(/[-:]|\..*/g, '')}-${randomBytes(3).toString('hex')}`;
