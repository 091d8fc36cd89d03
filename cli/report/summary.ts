import { Refusal } from '../../schemas/refusal.js';
import { type RoundRecord, type RunSummary, unmeasured } from '../../schemas/status.js';

type Check = readonly [expected: string, is: (value: unknown) => boolean];

const text: Check = ['text', (value) => typeof value === 'string'];
const number: Check = ['a number', Number.isFinite];
const measured: Check = ['a number or null', (value) => value === null || Number.isFinite(value)];
const texts: Check = ['a list of texts', (value) => Array.isArray(value) && value.every(text[1])];
const list: Check = ['a list', Array.isArray];
const object: Check = ['an object', (value) => isObject(value)];
const time: Check = ['a time', (value) => typeof value === 'string' && Number.isFinite(Date.parse(value))];
const reasons: Check = [
  'reasons by device',
  (value) => isObject(value) && Object.values(value).every(text[1]),
];
const costsByDevice: Check = [
  'costs by device',
  (value) => isObject(value) && Object.values(value).every(isObject),
];
const either = (...words: string[]): Check => [
  words.join(' or '),
  (value) => words.includes(value as string),
];
const orNull = ([expected, is]: Check): Check => [
  `${expected} or null`,
  (value) => value === null || is(value),
];
const ifGiven = ([expected, is]: Check): Check => [expected, (value) => value === undefined || is(value)];

const summaryShape: Record<string, Check> = {
  format: ['1', (value) => value === 1],
  run: text,
  state: either('completed', 'failed', 'stopped'),
  reason: text,
  trigger: object,
  model: object,
  settings: object,
  startedAt: time,
  endedAt: time,
  before: orNull(object),
  after: orNull(object),
  rounds: list,
  costs: ifGiven(object),
  perDevice: ifGiven(costsByDevice),
  adapter: orNull(object),
};

const roundShape: Record<string, Check> = {
  round: number,
  state: either('closed', 'failed'),
  reason: text,
  invited: texts,
  participants: texts,
  refused: reasons,
  outOfMemory: ifGiven(reasons),
  trainLoss: measured,
  evalLoss: measured,
  rougeL: measured,
  bytesUp: number,
  bytesDown: number,
  seconds: number,
  ...Object.fromEntries(Object.keys(unmeasured).map((key) => [key, ifGiven(measured)])),
  perDevice: ifGiven(costsByDevice),
  joules: measured,
  version: number,
  sha256: text,
};

const scoreShape = { loss: number, rouge1: number, rouge2: number, rougeL: number, examples: number };

/** What a run's summary.json says. @throws Refusal with what in it was wrong, and what was expected */
export function parseSummary(json: string, path: string): RunSummary {
  const refuse = (what: string) => new Refusal(`${path} is no run’s summary: ${what}`);
  let summary: unknown;
  try {
    summary = JSON.parse(json);
  } catch {
    throw refuse('it is not JSON');
  }
  if (!isObject(summary)) throw refuse('expected an object');
  const { before, after, model, trigger, adapter, rounds } = summary;
  const wrong = [
    ...problems(summary, summaryShape, ''),
    ...(isObject(before) ? problems(before, scoreShape, 'before.') : []),
    ...(isObject(after) ? problems(after, scoreShape, 'after.') : []),
    ...(isObject(model) ? problems(model, { sha256: text }, 'model.') : []),
    ...(isObject(trigger) ? problems(trigger, { id: text, source: text }, 'trigger.') : []),
    ...(isObject(adapter)
      ? problems(adapter, { path: text, version: number, sha256: text }, 'adapter.')
      : []),
    ...(Array.isArray(rounds) ? rounds : []).flatMap((round, i) =>
      isObject(round) ? problems(round, roundShape, `rounds[${i}].`) : [`rounds[${i}]: expected an object`],
    ),
  ];
  if (wrong.length > 0) throw refuse(wrong.slice(0, 3).join('; '));
  const known = summary as unknown as RunSummary;
  // What former versions did not measure yet.
  return { ...known, rounds: known.rounds.map((round: RoundRecord) => ({ ...unmeasured, ...round })) };
}

const problems = (value: Record<string, unknown>, shape: Record<string, Check>, place: string): string[] =>
  Object.entries(shape).flatMap(([key, [expected, is]]) =>
    is(value[key]) ? [] : [`${place}${key}: expected ${expected}`],
  );

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
