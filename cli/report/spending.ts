import { bytesText, secondsText } from '../tables.js';
import { barPlot, type Stack } from './bars.js';
import { binned, meanOf } from './bins.js';
import type { RoundFacts, RunFacts } from './facts.js';
import { dataTable, figure, figures, section } from './figure.js';
import type { Tone } from './frame.js';
import { altOf, curveTable, line, linesOf } from './learning.js';
import { linePlot } from './lines.js';
import type { Markup } from './markup.js';
import {
  amount,
  byteUnit,
  jouleText,
  jouleUnit,
  known,
  percentText,
  secondUnit,
  type Unit,
} from './units.js';

/** What the run cost: bytes, joules, seconds, and what it got for them. */
export function spending(facts: RunFacts): Markup {
  return section(
    'spending',
    'What it cost',
    figures(bytes(facts), seconds(facts), joules(facts), watts(facts), efficiency(facts), granularity(facts)),
  );
}

export const noSensor = 'No sensor: no device of this run told any joules.';
const maxBars = 60;

interface Quantity {
  title: string;
  note: string;
  absent: string;
  unit(values: readonly (number | null)[]): Unit;
  text(value: number): string;
  parts: readonly { name: string; tone: Tone; of(round: RoundFacts): number | null }[];
}

/** Bars by round; of many rounds, means of neighbours. */
function byRound(
  rounds: readonly RoundFacts[],
  { title, note, absent, unit, text, parts }: Quantity,
): Markup {
  const told = parts.filter(({ of }) => rounds.some((round) => of(round) !== null));
  const { groups, each } = binned(rounds, maxBars);
  const { name: unitName, size } = unit(
    rounds.map((round) => told.reduce((sum, { of }) => sum + (of(round) ?? 0), 0)),
  );
  const stacks = told.map(
    ({ name, tone, of }): Stack => ({
      name,
      tone,
      values: groups.map((group) => {
        const mean = meanOf(group.map(of));
        return mean === null ? null : mean / size;
      }),
    }),
  );
  const sums = told.map(
    ({ name, of }) => `${name} ${text(rounds.reduce((sum, round) => sum + (of(round) ?? 0), 0))}`,
  );
  const right = true;
  return figure({
    title,
    note: each > 1 ? `${note} A bar is the mean of ${each} rounds.` : note,
    absent,
    picture:
      told.length > 0
        ? barPlot(
            {
              y: unitName,
              x: 'round',
              alt: `${title}, in all: ${sums.join(', ')}.`,
              bars: groups.map(([first]) => String(first!.record.round)),
              value: (value) => text(value * size),
            },
            stacks,
          )
        : undefined,
    data: dataTable(
      title,
      [
        { title: 'round', cell: ({ record }: RoundFacts) => String(record.round), right },
        ...told.map(({ name, of }) => ({
          title: name,
          cell: (round: RoundFacts) => known(of(round), text),
          right,
        })),
      ],
      rounds,
    ),
  });
}

const bytes = ({ rounds }: RunFacts) =>
  byRound(rounds, {
    title: 'Bytes by round',
    note: 'Payload of all devices: updates up, adapters down.',
    absent: 'Nothing was moved.',
    unit: byteUnit,
    text: bytesText,
    parts: [
      { name: 'up', tone: 1, of: ({ record }) => record.bytesUp || null },
      { name: 'down', tone: 4, of: ({ record }) => record.bytesDown || null },
    ],
  });

function seconds({ rounds }: RunFacts): Markup {
  const phased = rounds.some(({ phases }) => phases.train !== null);
  const rest = ({ record, phases: { train, aggregate, evaluate } }: RoundFacts) =>
    Math.max(0, record.seconds - (train ?? 0) - (aggregate ?? 0) - (evaluate ?? 0)) || null;
  return byRound(rounds, {
    title: phased ? 'Time by phase' : 'Time by round',
    note: phased
      ? 'Seconds of each round, by what the fleet did in them.'
      : 'Of each round as a whole: its phases were not measured.',
    absent: 'No round took any time.',
    unit: secondUnit,
    text: (value) => (value < 60 ? `${amount(value)} s` : secondsText(value)),
    parts: phased
      ? [
          { name: 'training', tone: 1, of: ({ phases }) => phases.train },
          { name: 'aggregation', tone: 5, of: ({ phases }) => phases.aggregate },
          { name: 'evaluation', tone: 2, of: ({ phases }) => phases.evaluate },
          { name: 'other', tone: 6, of: rest },
        ]
      : [{ name: 'seconds', tone: 1, of: ({ record }) => record.seconds || null }],
  });
}

const joules = ({ rounds }: RunFacts) =>
  byRound(rounds, {
    title: 'Joules by round',
    note: 'Computation by the sensors of the devices that have one, or a model; network by the documented profile of their links.',
    absent: noSensor,
    unit: jouleUnit,
    text: jouleText,
    parts: [
      { name: 'computation', tone: 3, of: ({ joules: measured }) => measured },
      { name: 'network', tone: 4, of: ({ networkJoules }) => networkJoules },
    ],
  });

function watts({ watts: curves, totals }: RunFacts): Markup {
  const { name, size } = secondUnit([totals.seconds]);
  const lines = linesOf(
    curves.map(({ device, points }) => ({ device, points: points.map(([x, y]) => [x / size, y]) })),
  );
  const value = (y: number) => `${amount(y)} W`;
  return figure({
    title: 'Watts over time',
    note: 'Of each board as a whole, at work and waiting. The end of a line is its last sample.',
    picture:
      lines.length > 0
        ? linePlot(
            {
              y: 'W',
              x: `${name} since the run began`,
              alt: altOf('Watts over time', lines, 1),
              zero: true,
              value,
            },
            lines,
          )
        : undefined,
    absent: 'No sensor, or no points of this run in the folder of runs.',
    data: curveTable('Watts over time', name, lines, value),
  });
}

function efficiency({ rounds }: RunFacts): Markup {
  const lines = [
    line(
      'ηₑ',
      3,
      rounds.map(({ record, tokensPerJoule }) => [record.round, tokensPerJoule]),
    ),
  ];
  const told = lines[0]!.points.length > 0;
  return figure({
    title: 'Energy efficiency by round',
    note: 'ηₑ: tokens trained on by joule, of the devices with a sensor; higher is better.',
    picture: told
      ? linePlot(
          {
            y: 'tokens/J',
            x: 'round',
            alt: altOf('Energy efficiency by round', lines, 1),
            whole: true,
            zero: true,
            value: amount,
          },
          lines,
        )
      : undefined,
    absent: 'Not known: it takes a power sensor and a count of tokens.',
    data: dataTable(
      'Energy efficiency by round',
      [
        { title: 'round', cell: ({ record }) => String(record.round), right: true },
        {
          title: 'tokens',
          cell: ({ tokens }) => known(tokens, (value) => value.toLocaleString('en-US')),
          right: true,
        },
        { title: 'joules', cell: ({ joules: all }) => known(all, jouleText), right: true },
        { title: 'tokens/J', cell: ({ tokensPerJoule }) => known(tokensPerJoule, amount), right: true },
        { title: 'J/MB', cell: ({ record }) => known(record.joulesPerMb, amount), right: true },
        { title: 'MFU', cell: ({ record }) => known(record.mfu, percentText), right: true },
      ],
      rounds,
    ),
  });
}

function granularity({ rounds }: RunFacts): Markup {
  const lines = [
    line(
      'G',
      5,
      rounds.map(({ record, granularity: told }) => [record.round, told]),
    ),
  ];
  return figure({
    title: 'Granularity by round',
    note: 'G: seconds of computation by seconds of communication, mean of the devices; above 1 the network is not what limits.',
    picture:
      lines[0]!.points.length > 0
        ? linePlot(
            {
              y: 'G',
              x: 'round',
              alt: altOf('Granularity by round', lines, 1),
              whole: true,
              zero: true,
              value: amount,
            },
            lines,
          )
        : undefined,
    absent: 'Not measured in this run.',
    data: dataTable(
      'Granularity by round',
      [
        { title: 'round', cell: ({ record }) => String(record.round), right: true },
        {
          title: 'computing',
          cell: ({ record }) => known(record.computeS, (s) => `${amount(s)} s`),
          right: true,
        },
        {
          title: 'transfer',
          cell: ({ record }) => known(record.transferS, (s) => `${amount(s)} s`),
          right: true,
        },
        { title: 'G', cell: ({ granularity: told }) => known(told, amount), right: true },
      ],
      rounds,
    ),
  });
}
