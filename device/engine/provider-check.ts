import { Refusal } from '../../schemas/refusal.js';
import type { T5Config } from './config.js';
import type { Description } from './graph.js';
import { lowered, type Provider } from './lowering.js';
import { openOnProvider, opsThatRun } from './provider.js';
import { type Placement, withPlacement } from './provider-placement.js';
import { type SmallStep, smallSteps } from './provider-step.js';
import type { Numbers, Session } from './session.js';

/** What was seen of a provider before it was trusted. */
export interface ProviderCheck extends Placement {
  provider: Provider;
  /** The loss and each gradient. */
  outputs: number;
  /** The largest relative error of an output, ‖theirs − ours‖ / ‖ours‖. */
  worst: number;
  ms: number;
  /** Operations of the step, as the provider was given them. */
  ops: readonly string[];
}

type Results = Awaited<ReturnType<Session['run']>>;

/** As far as sums in another order lead apart, with room; an operation that is wrong is off by much more. */
const tolerance = 1e-3;

/**
 * Runs training steps of a small random T5 like this model on the CPU as they are and on the provider as they are
 * lowered, and compares the loss and every gradient.
 * @throws Refusal that names the first operation that disagrees, or what the provider needs to be had at all
 */
export async function checkProvider(
  provider: Provider,
  model: Pick<T5Config, 'gated' | 'tied'>,
  threads: number,
  lower: typeof lowered = lowered,
): Promise<ProviderCheck> {
  const from = performance.now();
  const steps = smallSteps(model).map(({ graph, feeds }) => ({
    graph,
    feeds,
    theirs: lower(graph, provider),
  }));
  const errors: number[] = [];
  const placement: Placement = { onProvider: 0, onCpu: {} };
  for (const step of steps) {
    const seen = await compared(step, provider, threads);
    errors.push(...seen.errors);
    placement.onProvider += seen.onProvider;
    for (const [op, count] of Object.entries(seen.onCpu))
      placement.onCpu[op] = (placement.onCpu[op] ?? 0) + count;
  }
  return {
    provider,
    outputs: errors.length,
    worst: Math.max(...errors),
    ms: Math.round(performance.now() - from),
    ops: [...new Set(steps.flatMap(({ theirs }) => opsThatRun(theirs)))].sort(),
    ...placement,
  };
}

async function compared(
  { graph, theirs, feeds }: SmallStep & { theirs: Description },
  provider: Provider,
  threads: number,
): Promise<Placement & { errors: number[] }> {
  const run = async (what: Description, where: Provider, profile?: string) => {
    const settings = { folder: '.', threads, spinning: false, ...(profile ? { profile } : {}) };
    const session = await openOnProvider(what, where, settings);
    try {
      return await session.run(feeds);
    } finally {
      await session.release();
    }
  };
  const expected = await run(graph, 'cpu');
  const { result: found, placement } = await withPlacement((profile) => run(theirs, provider, profile));
  const errors = Object.keys(expected).map((name) => relativeError(found[name], expected[name]));
  const wrong = errors.findIndex((error) => !(error <= tolerance));
  if (wrong < 0) return { errors, ...placement };
  const open = withEveryValue(theirs);
  const culprit = firstDifference(open, await run(open, provider), await run(open, 'cpu'));
  const whole = `the whole step (${Object.keys(expected)[wrong]}), though no operation alone,`;
  throw disagreement(provider, culprit ?? { what: whole, error: errors[wrong]! });
}

function disagreement(provider: Provider, { what, error }: { what: string; error: number }): Refusal {
  return new Refusal(
    `provider ${provider}: ${what} disagrees with cpu (relative error ${error.toPrecision(2)}, ` +
      `expected at most ${tolerance}): refused; use --provider cpu`,
  );
}

/** ‖a − b‖ / ‖b‖; infinite where a is missing, of another size or no number. */
export function relativeError(a: { data: Numbers } | undefined, b: { data: Numbers } | undefined): number {
  if (!a || !b || a.data.length !== b.data.length) return Number.POSITIVE_INFINITY;
  let [difference, size] = [0, 0];
  for (let i = 0; i < b.data.length; i++) {
    const expected = Number(b.data[i]);
    difference += (Number(a.data[i]) - expected) ** 2;
    size += expected ** 2;
  }
  if (difference === 0) return 0;
  return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.sqrt(difference / size);
}

/** The graph with each value that a node makes as an output too, in the order of the nodes. */
function withEveryValue(graph: Description): Description {
  const values = graph.nodes.flatMap(({ outputs }) => outputs);
  const comparable = values.filter(({ type }) => type === 'float32' || type === 'int64');
  return { ...graph, outputs: comparable.map((value) => ({ name: `at ${value.name}`, value })) };
}

/** The first node of which an output differs: all before it agree, so its inputs do. */
function firstDifference(graph: Description, found: Results, expected: Results) {
  for (const { op, outputs } of graph.nodes) {
    for (const [i, { name }] of outputs.entries()) {
      const key = `at ${name}`;
      const error = key in expected ? relativeError(found[key], expected[key]) : 0;
      if (!(error <= tolerance)) return { what: outputs.length > 1 ? `${op}'s output ${i + 1}` : op, error };
    }
  }
  return undefined;
}
