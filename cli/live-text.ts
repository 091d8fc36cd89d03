import type { LiveDevice, LiveRound, LiveSnapshot } from '../schemas/live.js';
import { bytesText, type Column, counted, fixed, secondsText, table } from './tables.js';

/** What a live view says, as text. Pure. */

/** One line that tells how far the run is: devices, round, time left, loss, bytes; a narrow terminal cuts its end. */
export function headline({ totals, run, phase, history, lossBefore, secondsLeft }: LiveSnapshot): string {
  if (!run) return `${counted(totals.ready, 'device')} ready`;
  const last = history.findLast(({ evalLoss }) => evalLoss !== null);
  const before = lossBefore === null ? '' : ` (before ${fixed(lossBefore, 3)})`;
  const loss = last ? `loss ${fixed(last.evalLoss, 3)}${before}` : before && `loss${before}`;
  const { bytesUp: up, bytesDown: down } = totals;
  return joined([
    counted(totals.ready, 'device'),
    plain(phase),
    secondsLeft !== null && `about ${secondsText(secondsLeft)} left`,
    loss,
    up + down > 0 && `${bytesText(up)} up, ${bytesText(down)} down`,
  ]);
}

/** Why what a view shows may be of before; '' where all is there. */
export function absence({ connected, coordinating, state }: LiveSnapshot): string {
  if (!connected) return 'the broker is away: what stands here is as it was';
  if (state === null) return 'no coordinator has said anything yet';
  return coordinating ? '' : 'the coordinator is away: the run stands as it left it';
}

/** What the fleet does at the moment, and what it takes; '' where nobody measures it. */
export function figuresLine({ totals }: LiveSnapshot): string {
  const { tokensPerS, watts, sensed, online, tokensPerJoule, temperatureC, joules } = totals;
  const [up, down] = [totals.upBytesPerS ?? 0, totals.downBytesPerS ?? 0];
  const told = sensed < online ? ` (${sensed} of ${counted(online, 'device')})` : '';
  return joined([
    tokensPerS !== null && `${whole(tokensPerS)} tokens/s`,
    watts !== null && `${fixed(watts, 1)} W${told}`,
    tokensPerJoule !== null && `${fixed(tokensPerJoule, 1)} tokens/J`,
    joules !== null && `${whole(joules)} J`,
    up + down > 0 && `links ${bytesText(up)}/s up, ${bytesText(down)}/s down`,
    temperatureC !== null && `${fixed(temperatureC, 0)} °C`,
  ]);
}

/** The loss of the run's steps as a sparkline with its first and last value; '' before there are two. */
export function lossLine({ losses }: LiveSnapshot, width: number): string {
  const [first, last] = [losses.at(0), losses.at(-1)];
  if (!first || !last || first === last) return '';
  const [from, to] = [fixed(first.loss, 3), fixed(last.loss, 3)];
  const room = Math.max(8, Math.min(width - from.length - to.length - 24, 60));
  return `training loss ${from} ${sparkline(
    losses.map(({ loss }) => loss),
    room,
  )} ${to}`;
}

/** Values as bars of eight heights, the lowest value the lowest. @param width at most so many characters */
export function sparkline(values: readonly number[], width: number): string {
  const count = Math.min(width, values.length);
  const means = Array.from({ length: count }, (_, i) => {
    const part = values.slice(
      Math.floor((i * values.length) / count),
      Math.floor(((i + 1) * values.length) / count),
    );
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const bars = '▁▂▃▄▅▆▇█';
  const height = (value: number) => (high > low ? Math.round((7 * (value - low)) / (high - low)) : 3);
  return means.map((value) => bars[height(value)]).join('');
}

const deviceColumns: Column<LiveDevice>[] = [
  { title: 'device', cell: ({ id }) => id },
  { title: 'doing', cell: doing },
  { title: 'loss', cell: ({ figures }) => fixed(figures.loss, 3, ''), right: true },
  { title: 'tokens/s', cell: ({ figures }) => whole(figures.tokensPerS), right: true },
  { title: 'W', cell: ({ figures }) => fixed(figures.watts, 1, ''), right: true },
  { title: 'tokens/J', cell: ({ figures }) => fixed(figures.tokensPerJoule, 1, ''), right: true },
  { title: 'MFU', cell: ({ figures }) => percent(figures.mfu), right: true },
  { title: '°C', cell: ({ figures }) => fixed(figures.temperatureC, 0, ''), right: true },
  { title: 'up/s', cell: ({ figures }) => rate(figures.upBytesPerS), right: true },
  { title: 'down/s', cell: ({ figures }) => rate(figures.downBytesPerS), right: true },
];

/** A title and a line a device. Columns of which nobody measures anything are left out. */
export function deviceLines(devices: readonly LiveDevice[]): string[] {
  const columns = deviceColumns.filter(({ cell }) => devices.some((device) => cell(device) !== ''));
  const [titles, , ...rows] = table(columns, devices).split('\n');
  return [titles!, ...rows];
}

/** What a device is at. */
export function doing({ state, problem, figures: { step, steps } }: LiveDevice): string {
  if (state === 'unfit') return `takes no task: ${plain(problem)}`;
  if (state === 'init') return 'making the adapter';
  if (state !== 'training' || step === undefined) return state;
  return `step ${step}${steps ? ` of ${steps}` : ''}`;
}

/** What a round came to. */
export function roundText(round: LiveRound): string {
  const { state, reason, invited, participants, trainLoss, evalLoss, rougeL, seconds, joules } = round;
  if (state === 'failed') return `failed: ${plain(reason)}`;
  return [
    `${participants} of ${counted(invited, 'device')}`,
    ...(trainLoss === null ? [] : [`training loss ${fixed(trainLoss, 3)}`]),
    ...(evalLoss === null ? [] : [`held-out loss ${fixed(evalLoss, 3)}, ROUGE-L ${fixed(rougeL, 1)}`]),
    `${bytesText(round.bytesUp)} up, ${bytesText(round.bytesDown)} down`,
    secondsText(seconds),
    ...(joules === null ? [] : [`${whole(joules)} J`]),
  ].join(', ');
}

/** Text of another machine, as a terminal may be shown it: marks that command it or turn its direction are dropped. */
export const plain = (text: string) => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');

const joined = (parts: readonly (string | false)[]) => parts.filter(Boolean).join(' · ');
const whole = (value: number | undefined) =>
  value === undefined ? '' : Math.round(value).toLocaleString('en-US');
const percent = (share: number | undefined) => (share === undefined ? '' : `${fixed(100 * share, 0)} %`);
const rate = (value: number | undefined) => (value ? bytesText(value) : '');
