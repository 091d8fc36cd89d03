import { fixed } from '../tables.js';
import { binned, meanOf, thinned } from './bins.js';
import type { Curve, RunFacts } from './facts.js';
import { dataTable, figure, figures, section } from './figure.js';
import type { Tone } from './frame.js';
import { type Line, linePlot } from './lines.js';
import type { Markup } from './markup.js';

/** What the run learned: loss and ROUGE by round, and the loss of its steps. */
export function learning(facts: RunFacts): Markup {
  return section(
    'learning',
    'What it learned',
    figures(lossByRound(facts), rougeByRound(facts), lossBySteps(facts)),
  );
}

const maxPoints = 120;
/** More devices than these are shown as their mean. */
const maxLines = 5;

function lossByRound({ summary: { before, rounds } }: RunFacts): Markup {
  const held = rounds.map(({ round, evalLoss }) => [round, evalLoss] as const);
  const lines = [
    line(
      'training',
      1,
      rounds.map(({ round, trainLoss }) => [round, trainLoss]),
    ),
    { ...line('held out', 2, [...(before ? [[0, before.loss] as const] : []), ...held]), dashed: true },
  ].filter(({ points }) => points.length > 0);
  return figure({
    title: 'Loss by round',
    note: 'Per label token; lower is better. Round 0 is the model before the run.',
    picture:
      lines.length > 0
        ? linePlot(
            { y: 'loss', x: 'round', alt: altOf('Loss by round', lines, 3), whole: true, value: three },
            lines,
          )
        : undefined,
    absent: 'No round was trained or evaluated.',
    data: dataTable(
      'Loss by round',
      [
        { title: 'round', cell: ({ round }) => String(round), right: true },
        { title: 'training', cell: ({ trainLoss }) => fixed(trainLoss, 4), right: true },
        { title: 'held out', cell: ({ evalLoss }) => fixed(evalLoss, 4), right: true },
      ],
      [...(before ? [{ round: 0, trainLoss: null, evalLoss: before.loss }] : []), ...rounds],
    ),
  });
}

function rougeByRound({ summary: { before, after, rounds } }: RunFacts): Markup {
  const rows = [...(before ? [{ round: 0, rougeL: before.rougeL }] : []), ...rounds];
  const lines = [
    line(
      'ROUGE-L',
      2,
      rows.map(({ round, rougeL }) => [round, rougeL]),
    ),
  ].filter(({ points }) => points.length > 0);
  const others =
    before && after
      ? ` ROUGE-1 ${one(before.rouge1)} → ${one(after.rouge1)}, ROUGE-2 ${one(before.rouge2)} → ${one(after.rouge2)}.`
      : '';
  return figure({
    title: 'ROUGE-L by round',
    note: `F-measure of held-out summaries, 0 to 100; higher is better.${others}`,
    picture:
      lines.length > 0
        ? linePlot(
            {
              y: 'ROUGE-L',
              x: 'round',
              alt: altOf('ROUGE-L by round', lines, 1),
              whole: true,
              zero: true,
              value: one,
            },
            lines,
          )
        : undefined,
    absent: 'No summary was scored.',
    data: dataTable(
      'ROUGE-L by round',
      [
        { title: 'round', cell: ({ round }) => String(round), right: true },
        { title: 'ROUGE-L', cell: ({ rougeL }) => fixed(rougeL, 2), right: true },
      ],
      rows,
    ),
  });
}

function lossBySteps({ losses }: RunFacts): Markup {
  const lines = linesOf(losses);
  return figure({
    title: 'Training loss by step',
    note: 'As the devices trained, their rounds one after another; each begins a round with the fleet’s adapter.',
    picture:
      lines.length > 0
        ? linePlot(
            {
              y: 'loss',
              x: 'step of the run',
              alt: altOf('Training loss by step', lines, 3),
              whole: true,
              value: three,
            },
            lines,
          )
        : undefined,
    absent: 'No points of the steps: the folder of runs has none of this run. InfluxDB may.',
    data: curveTable('Training loss by step', 'step', lines, three),
  });
}

/** A line for each curve, or, of many, their mean within the lowest and highest. */
export function linesOf(curves: readonly Curve[]): Line[] {
  if (curves.length <= maxLines)
    return curves.map(({ device, points }, i) => ({
      name: device,
      tone: (i + 1) as Tone,
      points: thinned(points, maxPoints),
    }));
  const all = curves.flatMap(({ points }) => points).sort(([a], [b]) => a - b);
  const { groups } = binned(all, Math.min(maxPoints, Math.max(1, Math.floor(all.length / curves.length))));
  const points = groups.map((group): [number, number] => [
    meanOf(group.map(([x]) => x))!,
    meanOf(group.map(([, y]) => y))!,
  ]);
  const band = groups.map((group, i): [number, number, number] => {
    const ys = group.map(([, y]) => y);
    return [points[i]![0], Math.min(...ys), Math.max(...ys)];
  });
  return [{ name: `mean of ${curves.length}`, tone: 1, points, band }];
}

/** At most 40 rows of what the lines show. */
export function curveTable(
  caption: string,
  x: string,
  lines: readonly Line[],
  value: (y: number) => string,
): Markup {
  const rows = lines.flatMap(({ name, points }) =>
    thinned(points, Math.max(4, Math.floor(40 / lines.length))).map(([at, y]) => ({ name, at, y })),
  );
  return dataTable(
    caption,
    [
      { title: 'of', cell: ({ name }) => name },
      { title: x, cell: ({ at }) => fixed(at, 0), right: true },
      { title: 'mean', cell: ({ y }) => value(y), right: true },
    ],
    rows,
  );
}

/** A line through what was measured. */
export function line(name: string, tone: Tone, points: readonly (readonly [number, number | null])[]): Line {
  const measured = points.filter((point): point is readonly [number, number] => point[1] !== null);
  return { name, tone, points: thinned(measured, maxPoints), dots: measured.length <= 30 };
}

/** "Loss by round: training 3.2 to 1.1, held out 3.0 to 1.4." */
export const altOf = (title: string, lines: readonly Line[], digits: number) =>
  `${title}: ${lines.map(({ name, points }) => `${name} ${points[0]![1].toFixed(digits)} to ${points.at(-1)![1].toFixed(digits)}`).join(', ')}.`;

const one = (value: number) => value.toFixed(1);
const three = (value: number) => value.toFixed(3);
