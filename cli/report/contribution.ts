import { bytesText, type Column, counted, fixed } from '../tables.js';
import { rowPlot } from './bars.js';
import { computedS, spentJoules } from './costs.js';
import { type DeviceFacts, noJoules, type RunFacts } from './facts.js';
import { dataTable, figure, figures, section } from './figure.js';
import { html, type Markup } from './markup.js';
import { type Attendance, matrixLegend, matrixPlot, type Part } from './matrix.js';
import { noSensor } from './spending.js';
import { amount, jouleText, known, percentText } from './units.js';

/** Who took part, and what each device gave and spent. */
export function contribution(facts: RunFacts): Markup {
  const { devices } = facts;
  return section(
    'devices',
    'What each device contributed',
    figures(attendance(facts), share(devices), shareOfJoules(facts)),
    html`<div class="card">${deviceTable(facts)}</div>`,
  );
}

const maxRows = 40;
const maxColumns = 40;
const maxTableRows = 1000;

function attendance({ devices, summary: { rounds } }: RunFacts): Markup {
  // Those whose updates are lacking say more than those who are always there.
  const rows = devices
    .toSorted((a, b) => b.invited - b.counted - (a.invited - a.counted))
    .slice(0, maxRows)
    .sort((a, b) => (a.device < b.device ? -1 : 1));
  const shown = rounds.slice(-maxColumns);
  const left = [
    ...(rows.length < devices.length
      ? [`the ${rows.length} of ${devices.length} devices that lack most`]
      : []),
    ...(shown.length < rounds.length ? [`the last ${shown.length} of ${rounds.length} rounds`] : []),
  ];
  const cells = (device: string) =>
    shown.map(({ round, invited, participants, refused }) => {
      const part: Part = participants.includes(device)
        ? 'counted'
        : refused[device] !== undefined
          ? 'refused'
          : invited.includes(device)
            ? 'missing'
            : 'not asked';
      return { part, title: `${device}, round ${round}: ${refused[device] ?? part}` };
    });
  const all = rows.map(({ device }): Attendance => ({ name: device, cells: cells(device) }));
  const parts = (['counted', 'refused', 'missing', 'not asked'] as const).filter((part) =>
    all.some((row) => row.cells.some((cell) => cell.part === part)),
  );
  const told = devices.map(({ device, counted: times, invited }) => `${device} ${times} of ${invited}`);
  const alt = `Updates that count: ${told.slice(0, maxRows).join(', ')}.`;
  return figure({
    title: 'Who took part',
    note: `Each round, each device.${left.length > 0 ? ` Shown: ${left.join(', ')}.` : ''}`,
    picture:
      all.length > 0 && shown.length > 0
        ? html`${matrixLegend(parts)}${matrixPlot(
            alt,
            shown.map(({ round }) => round),
            all,
          )}`
        : undefined,
    absent: 'No round asked any device.',
  });
}

const maxBars = 16;

/** By tokens where they were counted, else by updates. */
function share(devices: readonly DeviceFacts[]): Markup {
  const byTokens = devices.some(({ tokens }) => tokens !== null);
  const value = ({ tokens, counted: times }: DeviceFacts) => (byTokens ? (tokens ?? 0) : times);
  const all = devices.reduce((sum, device) => sum + value(device), 0);
  const what = byTokens ? 'tokens' : 'updates';
  const rows = largest(
    devices,
    value,
    (device) =>
      `${value(device).toLocaleString('en-US')} ${what} (${fixed((100 * value(device)) / (all || 1), 0)} %)`,
  );
  return figure({
    title: byTokens ? 'Tokens trained on' : 'Updates that count',
    note: byTokens
      ? 'By each device in all rounds.'
      : 'Of each device in all rounds; how many tokens they took was not told.',
    picture: rows.length > 0 ? rowPlot(altOf(`${what} by device`, rows), 1, rows) : undefined,
    absent: 'No device contributed anything.',
  });
}

function shareOfJoules({ devices, totals }: RunFacts): Markup {
  const sensed = devices.filter((device) => spentJoules(device) !== null);
  const rows = largest(
    sensed,
    (device) => spentJoules(device) ?? 0,
    (device) => `${jouleText(spentJoules(device) ?? 0)}${device.source ? ` (${device.source})` : ''}`,
  );
  const without = devices.length - sensed.length;
  return figure({
    title: 'Joules of computation',
    note:
      without > 0 && sensed.length > 0
        ? `${counted(without, 'device')} without a sensor: not shown.`
        : 'By each device in all rounds, training and evaluation.',
    picture: rows.length > 0 ? rowPlot(altOf('joules by device', rows), 3, rows) : undefined,
    absent: totals.joules === null ? noSensor : 'Told by round only, not by device.',
  });
}

function largest(
  devices: readonly DeviceFacts[],
  value: (device: DeviceFacts) => number,
  text: (device: DeviceFacts) => string,
) {
  const most = devices.toSorted((a, b) => value(b) - value(a)).slice(0, maxBars);
  return most.map((device) => ({ name: device.device, value: value(device), text: text(device) }));
}

const altOf = (what: string, rows: readonly { name: string; text: string }[]) =>
  `${what}: ${rows.map(({ name, text }) => `${name} ${text}`).join(', ')}.`;

type Told = Column<DeviceFacts> & { of?: keyof DeviceFacts };

const whole = (value: number) => value.toLocaleString('en-US');
const right = true;
/** Those with `of` are shown where somebody measured it. */
const columnsOf = (facts: RunFacts): readonly Told[] => [
  { title: 'device', cell: ({ device }) => device },
  { title: 'updates', cell: ({ counted: times, invited }) => `${times} of ${invited}`, right },
  { title: 'examples', of: 'examples', cell: ({ examples }) => known(examples, whole), right },
  { title: 'tokens', of: 'tokens', cell: ({ tokens }) => known(tokens, whole), right },
  { title: 'last loss', of: 'loss', cell: ({ loss }) => fixed(loss, 3), right },
  {
    title: 'computing',
    of: 'seconds',
    cell: (device) => known(computedS(device), (s) => `${amount(s)} s`),
    right,
  },
  {
    title: 'transfer',
    of: 'transferS',
    cell: ({ transferS }) => known(transferS, (s) => `${amount(s)} s`),
    right,
  },
  { title: 'G', of: 'granularity', cell: ({ granularity }) => known(granularity, amount), right },
  { title: 'up', of: 'bytesUp', cell: ({ bytesUp }) => known(bytesUp, bytesText), right },
  { title: 'down', of: 'bytesDown', cell: ({ bytesDown }) => known(bytesDown, bytesText), right },
  {
    title: 'joules',
    cell: (device) => known(spentJoules(device), jouleText, noJoules(facts, device)),
    right,
  },
  {
    title: 'network',
    of: 'networkJoules',
    cell: ({ networkJoules }) => known(networkJoules, jouleText),
    right,
  },
  {
    title: 'idle',
    of: 'idleWatts',
    cell: ({ idleWatts }) => known(idleWatts, (w) => `${amount(w)} W`),
    right,
  },
  { title: 'tokens/J', of: 'joules', cell: tokensPerJoule, right },
  { title: 'MFU', of: 'mfu', cell: ({ mfu }) => known(mfu, percentText), right },
];

function tokensPerJoule({ tokens, joules }: DeviceFacts): string {
  return tokens === null || !joules ? '–' : amount(tokens / joules);
}

function deviceTable(facts: RunFacts): Markup {
  const { devices } = facts;
  const told = columnsOf(facts).filter(
    ({ of }) => of === undefined || devices.some((device) => device[of] !== null),
  );
  const left = devices.length - maxTableRows;
  return html`${dataTable('Devices', told, devices.slice(0, maxTableRows))}${left > 0 && html`<p>${left} more are in summary.json.</p>`}`;
}
