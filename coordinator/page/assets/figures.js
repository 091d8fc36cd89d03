// What the page says of a snapshot, as text. Nothing here is markup.

/** Where nobody measured anything. */
export const none = '–';
const number = (digits) =>
  new Intl.NumberFormat('en', { maximumFractionDigits: digits, minimumFractionDigits: digits });
const [whole, tenth, thousandth] = [number(0), number(1), number(3)];
const told = (format, value) => (value === null || value === undefined ? none : format.format(value));
const counted = (count, thing) => `${count} ${thing}${count === 1 ? '' : 's'}`;

export function bytes(value) {
  if (value === null || value === undefined) return none;
  if (value < 1024) return `${Math.round(value)} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length, Math.floor(Math.log2(value) / 10));
  return `${(value / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}

export function duration(seconds) {
  if (seconds === null) return none;
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

export const clock = (ms) => new Date(ms).toLocaleTimeString('en-GB');
export const loss = (value) => told(thousandth, value);
export const watts = (value) => `${told(tenth, value)} W`;

const evaluated = ({ history }) => history.findLast(({ evalLoss }) => evalLoss !== null);
const rate = (value) => (value ? `now ${bytes(value)}/s` : '');

/** What stands in the element of `data-figure`. */
export const tiles = {
  loss: (s) => loss(evaluated(s)?.evalLoss ?? s.lossBefore),
  lossBefore: (s) => (s.lossBefore === null ? '' : `before ${loss(s.lossBefore)}`),
  rouge: (s) => told(tenth, evaluated(s)?.rougeL ?? s.rougeLBefore),
  rougeBefore: (s) => (s.rougeLBefore === null ? '' : `before ${told(tenth, s.rougeLBefore)}`),
  tokens: ({ totals }) => told(whole, totals.tokensPerS),
  devices: ({ totals }) => `${totals.ready} of ${counted(totals.devices, 'device')} ready`,
  watts: ({ totals }) => told(tenth, totals.watts),
  sensed: ({ totals }) =>
    totals.sensed === 0 ? 'no device tells' : `of ${totals.sensed} of ${counted(totals.online, 'device')}`,
  efficiency: ({ totals }) => told(tenth, totals.tokensPerJoule),
  joules: ({ totals }) => (totals.joules === null ? '' : `${told(whole, totals.joules)} J in this run`),
  up: ({ totals }) => bytes(totals.bytesUp),
  upRate: ({ totals }) => rate(totals.upBytesPerS),
  down: ({ totals }) => bytes(totals.bytesDown),
  downRate: ({ totals }) => rate(totals.downBytesPerS),
  left: (s) => duration(s.secondsLeft),
  started: (s) => (s.startedAt === null ? '' : `began ${clock(Date.parse(s.startedAt))}`),
};

export function phase({ state, phase: text, totals }) {
  if (state === null) return 'The coordinator is starting';
  if (text === '') return `No run yet. ${counted(totals.ready, 'device')} ready`;
  return text[0].toUpperCase() + text.slice(1);
}

const doing = { init: 'making the adapter', unfit: 'takes no task' };

function doingText({ state, problem, figures: { step, steps } }) {
  if (state === 'unfit') return `${doing.unfit}: ${problem}`;
  if (state === 'training' && step !== undefined) return `step ${step}${steps ? ` of ${steps}` : ''}`;
  return doing[state] ?? state;
}

/** Columns of the devices' table: the first names the row. */
export const deviceColumns = [
  { title: 'device', cell: ({ id }) => id },
  { title: 'doing', cell: doingText, words: true },
  { title: 'loss', cell: ({ figures }) => loss(figures.loss), number: true },
  { title: 'tokens/s', cell: ({ figures }) => told(whole, figures.tokensPerS), number: true },
  { title: 'W', cell: ({ figures }) => told(tenth, figures.watts), number: true },
  { title: 'tokens/J', cell: ({ figures }) => told(tenth, figures.tokensPerJoule), number: true },
  {
    title: 'MFU %',
    cell: ({ figures: { mfu } }) => told(whole, mfu === undefined ? mfu : 100 * mfu),
    number: true,
  },
  { title: '°C', cell: ({ figures }) => told(whole, figures.temperatureC), number: true },
  { title: 'CPU %', cell: ({ figures }) => told(whole, figures.cpuPercent), number: true },
  { title: 'GPU %', cell: ({ figures }) => told(whole, figures.gpuPercent), number: true },
  { title: 'up/s', cell: ({ figures }) => bytes(figures.upBytesPerS), number: true },
  { title: 'down/s', cell: ({ figures }) => bytes(figures.downBytesPerS), number: true },
  { title: 'examples', cell: ({ trainExamples }) => told(whole, trainExamples), number: true },
  { title: 'version', cell: ({ version }) => version },
  { title: 'sensor', cell: ({ figures }) => figures.source ?? none },
];

export const roundColumns = [
  { title: 'round', cell: ({ round }) => String(round) },
  { title: 'devices', cell: ({ participants, invited }) => `${participants} of ${invited}`, number: true },
  { title: 'training loss', cell: ({ trainLoss }) => loss(trainLoss), number: true },
  { title: 'held-out loss', cell: ({ evalLoss }) => loss(evalLoss), number: true },
  { title: 'ROUGE-L', cell: ({ rougeL }) => told(tenth, rougeL), number: true },
  { title: 'up', cell: ({ bytesUp }) => bytes(bytesUp), number: true },
  { title: 'down', cell: ({ bytesDown }) => bytes(bytesDown), number: true },
  { title: 'took', cell: ({ seconds }) => duration(seconds), number: true },
  { title: 'joules', cell: ({ joules }) => told(whole, joules), number: true },
  {
    title: 'remark',
    cell: ({ state, reason }) => (state === 'failed' ? `failed: ${reason}` : ''),
    words: true,
  },
];
