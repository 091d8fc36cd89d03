import { readSettings } from '../runtime/settings.js';
import type { Presence } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';
import type { CommandTitle } from './commands.js';
import { type LiveState, snapshot } from './live-state.js';
import { absence, headline, plain } from './live-text.js';
import { operatorSettings } from './operator.js';
import { roundTable } from './report.js';
import { watchRuns } from './run-watch.js';
import { type Column, table } from './tables.js';

const stateOf = ({ online, problem }: Presence) =>
  online ? (problem === '' ? 'ready' : `takes no task: ${plain(problem)}`) : 'away';

const columns: Column<Presence>[] = [
  { title: 'device', cell: ({ deviceId }) => deviceId },
  { title: 'training', cell: ({ trainExamples }) => String(trainExamples), right: true },
  { title: 'held out', cell: ({ evaluationExamples }) => String(evaluationExamples), right: true },
  { title: 'model', cell: ({ modelSha256 }) => modelSha256.slice(0, 12) || '–' },
  { title: 'version', cell: ({ version }) => plain(version) },
  { title: 'since', cell: ({ session }) => `${new Date(session).toISOString().slice(0, 19)}Z` },
  { title: 'power', cell: ({ powerSource }) => plain(powerSource ?? '–') },
  { title: 'dropped points', cell: ({ droppedPoints = 0 }) => String(droppedPoints), right: true },
  { title: 'state', cell: stateOf },
];

/** `fleetune devices`: from the retained presences. */
export async function showDevices(argv: readonly string[], title: CommandTitle): Promise<void> {
  const { json, state } = await heard(argv, title);
  const devices = [...state.presences.values()].sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1));
  if (json) process.stdout.write(`${JSON.stringify(devices)}\n`);
  else process.stdout.write(devices.length === 0 ? 'no device yet\n' : `${table(columns, devices)}\n`);
}

/** `fleetune status`: the run that is going on or was the last. */
export async function showStatus(argv: readonly string[], title: CommandTitle): Promise<void> {
  const { json, state } = await heard(argv, title);
  const { status } = state;
  if (!status) throw new Refusal('no coordinator has said anything here: start one (fleetune coordinator)');
  const seen = snapshot(state, Date.now());
  const away = absence(seen);
  const head = headline(seen);
  const note = plain(status.note);
  const lines = [
    `${status.run ? `run ${status.run}: ` : ''}${head}`,
    ...(away === '' ? [] : [away]),
    ...(head.includes(note) ? [] : [note]),
    ...(status.history.length > 0 ? ['', roundTable(status.history)] : []),
  ];
  process.stdout.write(
    json ? `${JSON.stringify({ ...status, coordinating: state.coordinating })}\n` : `${lines.join('\n')}\n`,
  );
}

async function heard(
  argv: readonly string[],
  { name, summary }: CommandTitle,
): Promise<{ json: boolean; state: LiveState }> {
  const settings = readSettings(operatorSettings, { argv, env: process.env, command: name, summary });
  const { operator, state } = await watchRuns(settings);
  await operator.close();
  return { json: settings.json, state: state() };
}
