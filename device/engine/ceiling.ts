import type { T5Config } from './config.js';
import { Graph } from './graph.js';
import { openSession, type Session } from './session.js';

/** [rows, inner, columns] of x [rows, inner] · wᵀ, with w [columns, inner] as a model's weights lie. */
export type Product = readonly [number, number, number];

/** Products that are large whatever the model is: a tiny model's own would say little about a machine. */
const general: readonly Product[] = [
  [2048, 512, 1024],
  [2048, 1024, 512],
  [2048, 768, 2048],
  [384, 512, 32128],
];
const mostFloats = 2 ** 25;

/** The general products, and those of a model's step: projections, feed-forward and head. */
export function productsOf(config: T5Config, batch: number, source: number, target: number): Product[] {
  const { dModel, dKv, heads, dFf, vocabSize } = config;
  const rows = batch * source;
  const own: Product[] = [
    [rows, dModel, dKv * heads],
    [rows, dModel, dFf],
    [rows, dFf, dModel],
    // A wider head than this runs no faster, and its copies would be what takes the memory.
    [batch * target, dModel, Math.min(vocabSize, Math.floor(mostFloats / dModel))],
  ];
  const all = [...general, ...own].map((product) => [`${product}`, product] as const);
  return [...new Map(all).values()];
}

export interface Rate {
  gflops: number;
  product: Product;
}

export interface Ceiling {
  /** The best rate over all products, each run a few times: what MFU is held against. */
  measure(): Promise<Rate>;
  release(): Promise<void>;
}

const repetitions = 6;

/**
 * A machine's own matrix product through the runtime that trains: constant weights, packed by the runtime, and one
 * small output, so that no copy is timed. Takes the CPU's provider, float32.
 */
export async function openCeiling(products: readonly Product[], threads: number): Promise<Ceiling> {
  const opened: { product: Product; session: Session; x: Float32Array }[] = [];
  for (const product of products) {
    const session = await openSession(productGraph(product), { folder: '.', threads, spinning: true });
    opened.push({ product, session, x: noise(product[0] * product[1]) });
  }
  return {
    async measure() {
      let best: Rate = { gflops: 0, product: products[0]! };
      for (const { product, session, x } of opened) {
        const [rows, inner, columns] = product;
        for (let i = 0; i < repetitions; i++) {
          const from = performance.now();
          await session.run({ x: { shape: [rows, inner], data: x } });
          const gflops = (2 * rows * inner * columns) / (performance.now() - from) / 1e6;
          if (gflops > best.gflops) best = { gflops, product };
        }
      }
      return best;
    },
    async release() {
      for (const { session } of opened) await session.release();
    },
  };
}

function productGraph([rows, inner, columns]: Product): Graph {
  const g = new Graph();
  const w = { name: 'w', type: 'float32', shape: [columns, inner] } as const;
  g.constants.push({ value: w, data: noise(columns * inner) });
  const y = g.matmul(g.input('x', [rows, inner]), w, { transB: 1 });
  g.output('row', g.gather(y, g.integers([0])));
  return g;
}

/** Numbers in ±½ that differ; what they are does not matter, but that none is denormal. */
const noise = (count: number) =>
  Float32Array.from({ length: count }, (_, i) => ((i * 2654435761) % 4093) / 4093 - 0.5);
