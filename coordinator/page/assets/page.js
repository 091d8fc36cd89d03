import { follow } from './connection.js';
import { clock, deviceColumns, loss, none, phase, roundColumns, tiles, watts } from './figures.js';
import { linePlot } from './plot.js';

// All text of others gets in as textContent and attributes of drawings: never as markup.

const at = (id) => document.getElementById(id);
const say = (element, text) => {
  if (element.textContent !== text) element.textContent = text; // What is unchanged is not read out again.
};

const wattsWindowMs = 600_000;
const shortestWindowMs = 60_000;
const roundText = (x) => (Number.isInteger(x) ? `after round ${x}` : `in round ${Math.ceil(x)}`);
const showLoss = linePlot(at('loss'), { x: roundText, y: loss, tick: String, about: 'Loss by round' });
const showWatts = linePlot(at('watts'), {
  x: clock,
  y: watts,
  tick: (ms) => (ms % 60_000 === 0 ? clock(ms).slice(0, 5) : clock(ms)),
  about: 'Watts',
  fromZero: true,
  gap: 15_000,
});

let newest;
let line = { state: 'connecting', sinceMs: Date.now() };
let pausedMs;

function render() {
  showLink();
  if (pausedMs !== undefined || !newest) return;
  const { fleet, run, state, round, rounds, history, devices, notShown } = newest;
  say(at('fleet'), fleet);
  say(at('run-name'), run ?? '');
  say(at('phase'), phase(newest));
  at('progress').max = Math.max(1, rounds);
  at('progress').value = roundsDone(newest);
  document.title =
    state === 'training' || state === 'evaluating' ? `${round}/${rounds} · Fleetune` : 'Fleetune';
  for (const tile of document.querySelectorAll('[data-figure]'))
    say(tile, tiles[tile.dataset.figure](newest));
  drawLoss(newest);
  drawWatts(newest);
  fill(at('devices'), deviceColumns, devices, ({ state }) => state);
  fill(at('rounds'), roundColumns, history.toReversed(), ({ state }) => state);
  say(at('not-shown'), notShown > 0 ? `and ${notShown} more` : devices.length === 0 ? 'None yet' : '');
  say(at('no-rounds'), history.length === 0 ? 'None yet' : '');
}

/** The part of the open round that has answered counts. */
function roundsDone({ state, round, invited, received, history }) {
  if (state !== 'training' || invited === 0) return history.length;
  return Math.max(history.length, round - 1 + received / invited);
}

function drawLoss({ losses, history, lossBefore, rounds }) {
  const steps = losses.map((point) => [point.rounds, point.loss]);
  const byRound = history.flatMap(({ round, trainLoss }) =>
    trainLoss === null ? [] : [[round - 0.5, trainLoss]],
  );
  const heldOut = [
    ...(lossBefore === null ? [] : [[0, lossBefore]]),
    ...history.flatMap(({ round, evalLoss }) => (evalLoss === null ? [] : [[round, evalLoss]])),
  ];
  const points = steps.length > 0 ? steps : byRound;
  // Where the history is cut, what stands before it is not drawn.
  const from = Math.max(0, Math.floor(Math.min(rounds, ...[...points, ...heldOut].map(([x]) => x))));
  const last = Math.max(rounds, from + 1);
  const every = Math.ceil((last - from) / 8);
  const ticks = Array.from({ length: Math.floor((last - from) / every) + 1 }, (_, i) => from + i * every);
  const series = [
    { name: 'training', className: 'training', points },
    { name: 'held out', className: 'held-out', points: heldOut, dots: true },
  ];
  showLoss(series, from, last, ticks);
}

function drawWatts({ watts: trail, atMs }) {
  const points = trail
    .filter((point) => point.atMs > atMs - wattsWindowMs)
    .map((point) => [point.atMs, point.watts]);
  const from = Math.min(atMs - shortestWindowMs, points[0]?.[0] ?? atMs);
  const every = [15_000, 30_000, 60_000, 120_000].find((ms) => (atMs - from) / ms <= 5.5) ?? 120_000;
  const first = Math.ceil(from / every) * every;
  const ticks = Array.from({ length: Math.floor((atMs - first) / every) + 1 }, (_, i) => first + i * every);
  showWatts([{ name: 'power', className: 'power', points }], from, atMs, ticks);
}

/**
 * Cells are changed in place: what is selected or read stays where it is. A column in which nobody has anything
 * is left out.
 */
function fill(table, columns, rows, className) {
  const used = columns.filter(
    ({ cell }, i) => i === 0 || rows.some((row) => ![none, ''].includes(cell(row))),
  );
  const titles = used.map(({ title }) => title).join();
  if (table.dataset.titles !== titles) head(table, used);
  table.dataset.titles = titles;
  table.hidden = rows.length === 0;
  const [body] = table.tBodies;
  while (body.rows.length > rows.length) body.deleteRow(-1);
  while (body.rows.length < rows.length) insertRow(body, used);
  for (const [i, row] of rows.entries()) {
    const shown = body.rows[i];
    shown.className = className(row);
    for (const [j, { cell }] of used.entries()) say(shown.cells[j], cell(row));
  }
}

function head(table, columns) {
  table.replaceChildren();
  const titles = table.createTHead().insertRow();
  for (const { title, number } of columns) {
    const cell = document.createElement('th');
    cell.scope = 'col';
    cell.className = number ? 'number' : '';
    cell.textContent = title;
    titles.append(cell);
  }
  table.createTBody();
}

function insertRow(body, columns) {
  const row = body.insertRow();
  for (const [j, { number, words }] of columns.entries()) {
    const cell = document.createElement(j === 0 ? 'th' : 'td');
    if (j === 0) cell.scope = 'row';
    cell.className = number ? 'number' : words ? 'words' : '';
    row.append(cell);
  }
}

function showLink() {
  const [state, text] = linkText();
  at('link').dataset.state = state;
  say(at('link'), text);
  at('all').classList.toggle('stale', state === 'stale' || state === 'brokerless');
}

function linkText() {
  if (pausedMs !== undefined) return ['paused', `Paused at ${clock(pausedMs)}`];
  if (line.state === 'stale') return ['stale', `Not heard since ${clock(line.sinceMs)}, trying again`];
  if (line.state === 'connecting') return ['connecting', 'Connecting'];
  if (!newest.connected) return ['brokerless', 'The coordinator waits for the broker'];
  return ['live', 'Live'];
}

// What scrolls must be reached by keyboard, and not every browser does that by itself.
for (const scroller of document.querySelectorAll('.scroll')) scroller.tabIndex = 0;

at('pause').addEventListener('click', () => {
  pausedMs = pausedMs === undefined ? Date.now() : undefined;
  at('pause').setAttribute('aria-pressed', String(pausedMs !== undefined));
  render();
});

follow(
  'live',
  (snapshot) => {
    newest = snapshot;
  },
  (state, sinceMs) => {
    line = { state, sinceMs };
    render();
  },
);
