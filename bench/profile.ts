/**
 * `npm run bench:profile -- [--size small] [--batch 8] [--source 256] [--target 48] [--steps 8] [--recompute]`: where a
 * LoRA step goes, by the runtime's own profiler. Of each node the fastest of its runs counts, so that a busy
 * neighbour weighs little.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../device/engine/config.js';
import { geometryOf, loraStepFlops } from '../device/engine/flops.js';
import { freshAdapter } from '../device/engine/lora.js';
import { openSession } from '../device/engine/session.js';
import { accumulated } from '../device/engine/train.js';
import { trainingGraph } from '../device/engine/training-graph.js';
import { readWeightIndex } from '../device/engine/weights.js';
import { readFlags } from './flags.js';
import { lora, modelFolder, type Size, sizeNames, workload } from './geometries.js';

const values = readFlags({
  size: { type: 'string', default: 'small' },
  batch: { type: 'string', default: '8' },
  source: { type: 'string', default: '256' },
  target: { type: 'string', default: '48' },
  steps: { type: 'string', default: '8' },
  threads: { type: 'string', default: '2' },
  recompute: { type: 'boolean', default: false },
});
const { size, recompute } = values;
const [batch, source, target, steps, threads] = (
  ['batch', 'source', 'target', 'steps', 'threads'] as const
).map((name) => Number(values[name])) as [number, number, number, number, number];
if (!sizeNames.includes(size as Size)) throw new Error(`--size ${size}: expected ${sizeNames.join(', ')}`);

type Tensors = Record<string, number[]>[];
interface Event {
  cat: string;
  name: string;
  /** Microseconds. */
  ts: number;
  dur: number;
  args: { op_name?: string; input_type_shape?: Tensors; output_type_shape?: Tensors };
}

interface Line {
  ms: number;
  nodes: number;
  flops: number;
}

/** Trains on one batch and answers with the runtime's events from the second step on: the first fills its arenas. */
async function profiled(folder: string): Promise<Event[][]> {
  const [config, work] = [await readConfig(folder), await workload(folder, batch, { source, target })];
  const weights = await readWeightIndex(folder, config);
  const scratch = await mkdtemp(join(tmpdir(), 'fleetune-profile-'));
  try {
    const session = await openSession(trainingGraph({ config, weights, lora, recompute, spread: true }), {
      folder,
      threads,
      spinning: true,
      profile: join(scratch, 'profile'),
    });
    const examples = work.source.map((row, i) => ({ source: row, target: work.target[i]! }));
    const parameters = freshAdapter(config, lora, 1);
    for (let i = 0; i <= steps; i++) await accumulated(session, config, parameters, [examples]);
    await session.release();
    const [file] = await readdir(scratch);
    const events: Event[] = JSON.parse(await readFile(join(scratch, file!), 'utf8'));
    const runs = events.filter(({ name }) => name === 'model_run').sort((a, b) => a.ts - b.ts);
    return runs
      .slice(1)
      .map(({ ts, dur }) => events.filter((event) => event.ts >= ts && event.ts < ts + dur));
  } finally {
    await rm(scratch, { recursive: true });
  }
}

const shapesOf = (tensors: Tensors = []) => tensors.map((tensor) => Object.values(tensor)[0]!);
const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** A product's name by its shapes, and its operations: 2 · rows · inner · columns. */
function product(op: string, { args }: Event): { name: string; flops: number } {
  const [[a, b], [y]] = [shapesOf(args.input_type_shape), shapesOf(args.output_type_shape)];
  const rowsOf = (shape: number[]) => count(shape) / shape.at(-1)!;
  // The axis of a that y's rows do not have is the inner one: the last, unless a is transposed.
  const inner = rowsOf(a!) === rowsOf(y!) ? a!.at(-1)! : a!.at(-2)!;
  return { name: `${op} ${a} by ${b ?? 'a weight'} to ${y}`, flops: 2 * count(y!) * inner };
}

/** Lines by operation, products by their shapes, from the fastest run of each node. */
function table(runs: readonly Event[][]): Map<string, Line> {
  const fastest = new Map<string, Event>();
  for (const run of runs) {
    const times = new Map<string, number>(); // Nodes in a loop run several times a step.
    for (const event of run) {
      const op = event.args.op_name;
      if (event.cat !== 'Node' || !event.name.endsWith('_kernel_time') || op === 'Scan') continue;
      const time = (times.get(event.name) ?? 0) + 1;
      times.set(event.name, time);
      const key = `${event.name} ${time}`;
      if (event.dur < (fastest.get(key)?.dur ?? Number.POSITIVE_INFINITY)) fastest.set(key, event);
    }
  }
  const lines = new Map<string, Line>();
  for (const event of fastest.values()) {
    const op = event.args.op_name!;
    const { name, flops } = /MatMul|Gemm/.test(op) ? product(op, event) : { name: op, flops: 0 };
    const line = lines.get(name) ?? { ms: 0, nodes: 0, flops: 0 };
    lines.set(name, { ms: line.ms + event.dur / 1000, nodes: line.nodes + 1, flops: line.flops + flops });
  }
  return lines;
}

const folder = await modelFolder(size as Size, 'bench/results/models');
const runs = await profiled(folder);
const lines = [...table(runs)].sort(([, a], [, b]) => b.ms - a.ms);
const sum = (of: readonly Line[], key: keyof Line) => of.reduce((total, line) => total + line[key], 0);
const all = lines.map(([, line]) => line);
const products = all.filter(({ flops }) => flops > 0);
const total = sum(all, 'ms');
const rate = ({ flops, ms }: { flops: number; ms: number }) => (flops / ms / 1e6).toFixed(0);
console.log(
  `${size}, B=${batch}, S=${source}, T=${target}, ${threads} threads${recompute ? ', recompute' : ''}`,
);
console.table(
  Object.fromEntries(
    lines
      .filter(([, { ms }]) => ms > total / 500)
      .map(([name, line]) => [
        name,
        {
          ms: line.ms.toFixed(1),
          '%': ((100 * line.ms) / total).toFixed(1),
          nodes: line.nodes,
          'GFLOP/s': line.flops > 0 ? rate(line) : '',
        },
      ]),
  ),
);
const share = (100 * sum(products, 'ms')) / total;
const work = { flops: sum(products, 'flops'), ms: sum(products, 'ms') };
const formula =
  batch * loraStepFlops(geometryOf(await readConfig(folder)), source, target, lora.rank, lora.targets);
console.log(
  `kernels ${total.toFixed(0)} ms; products ${share.toFixed(1)} %, at ${rate(work)} GFLOP/s; ` +
    `by the formula ${rate({ flops: formula, ms: total })} GFLOP/s over all`,
);
