import type { RunSummary } from '../../schemas/status.js';
import { bytesText, counted, fixed, secondsText } from '../tables.js';
import { spentJoules } from './costs.js';
import { noJoules, type RunFacts } from './facts.js';
import { html, type Markup } from './markup.js';
import { amount, jouleText, known, percentText, timeText } from './units.js';

const states: Record<RunSummary['state'], string> = {
  completed: '✓ completed',
  failed: '✕ failed',
  stopped: '■ stopped',
};

interface Tile {
  name: string;
  value: string;
  aside: string;
}

/** The run in a line, and what it came to in a few numbers. */
export function head(facts: RunFacts): Markup {
  const { summary, devices } = facts;
  const { run, state, reason, settings, rounds, startedAt } = summary;
  return html`<header>
<p class="kind">Fleetune run report</p>
<h1>${run} <span class="state ${state}">${states[state]}</span></h1>
<p>${counted(devices.length, 'device')}, ${rounds.length} of ${counted(settings.rounds, 'round')}, ${settings.optimizer}, LoRA r = ${settings.loraRank}, since ${timeText(startedAt)}.${reason && html` <strong>${reason}</strong>`}</p>
</header>
<dl class="tiles">${tiles(facts).map(({ name, value, aside }) => html`<div><dt>${name}</dt><dd>${value}</dd><dd class="aside">${aside}</dd></div>`)}</dl>`;
}

function tiles(facts: RunFacts): Tile[] {
  const {
    summary: { before, after },
    totals,
    devices,
  } = facts;
  const {
    bytesUp,
    bytesDown,
    joules,
    estimatedJoules,
    idleJoules,
    networkJoules,
    joulesPerMb,
    tokens,
    seconds,
    failed,
  } = totals;
  const sensed = devices.filter((device) => spentJoules(device) !== null).length;
  const arrow = (from: number | undefined, to: number | undefined, digits: number) =>
    to === undefined
      ? 'not evaluated'
      : from === undefined
        ? fixed(to, digits)
        : `${fixed(from, digits)} → ${fixed(to, digits)}`;
  const gain = before && after ? after.rougeL - before.rougeL : undefined;
  return [
    {
      name: 'Loss, held out',
      value: arrow(before?.loss, after?.loss, 2),
      aside: before && after && before.loss > 0 ? `× ${fixed(after.loss / before.loss, 2)}` : '',
    },
    {
      name: 'ROUGE-L',
      value: arrow(before?.rougeL, after?.rougeL, 1),
      aside: gain === undefined ? '' : `${gain < 0 ? '−' : '+'}${fixed(Math.abs(gain), 1)}`,
    },
    {
      name: 'Time',
      value: secondsText(seconds),
      aside: failed > 0 ? `${counted(failed, 'round')} failed` : 'no round failed',
    },
    {
      name: 'Moved',
      value: bytesText(bytesUp + bytesDown),
      aside: `${bytesText(bytesUp)} up, ${bytesText(bytesDown)} down`,
    },
    {
      name: 'Energy',
      value: known(joules, jouleText, noJoules(facts)),
      aside: [
        ...(sensed > 0 && sensed < devices.length ? [`of ${sensed} of ${devices.length} devices`] : []),
        ...(estimatedJoules ? [`${jouleText(estimatedJoules)} of it by a model`] : []),
        ...(idleJoules === null ? [] : [`idle ${jouleText(idleJoules)}`]),
        ...(networkJoules === null ? [] : [`network ${jouleText(networkJoules)}`]),
        ...(joulesPerMb === null ? [] : [`${jouleText(joulesPerMb)} per MB moved`]),
      ].join(', '),
    },
    {
      name: 'Efficiency',
      value: known(totals.tokensPerJoule, (value) => `${amount(value)} tokens/J`, 'not known'),
      aside: [
        ...(tokens === null ? [] : [`${tokens.toLocaleString('en-US')} tokens`]),
        ...(totals.mfu === null ? [] : [`MFU ${percentText(totals.mfu)}`]),
      ].join(', '),
    },
  ];
}
