import './no-telemetry.js'; // Before the library.

import { InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';
import type { EngineOptions } from '../../schemas/engine-settings.js';
import type { Description, Shape } from './graph.js';
import { encodeModel, heldValues } from './onnx.js';
import { readBytes } from './weights.js';

export interface SessionSettings {
  /** The model's folder, in which the weights of the graph lie. */
  folder: string;
  threads: number;
  /** Keeps idle threads busy-waiting: about 4 % faster for a trainer that has its cores alone. */
  spinning: boolean;
  /** `small` packs no second copy of the weights. */
  memory?: EngineOptions['memory'];
  /** Runs what it has of the graph's operations; the CPU the rest. */
  provider?: EngineOptions['provider'];
  /** Path without its end of a file into which the runtime's profile is written at release. */
  profile?: string;
}

export type Numbers = Float32Array | BigInt64Array;
export type Feeds = Record<string, { shape: readonly number[]; data: Numbers }>;

/** A graph that runs: named arrays in, named arrays out. Blocks the event loop while it does. */
export interface Session {
  /** What a run must be fed; names in shapes stand for sizes that each run may choose. */
  readonly inputs: readonly { name: string; shape: Shape }[];
  run(feeds: Feeds): Promise<Record<string, { shape: readonly number[]; data: Numbers }>>;
  release(): Promise<void>;
}

/**
 * Makes a session of onnxruntime (the only place that knows the library). Weights are mapped into memory from the
 * model's folder. On the CPU equal graphs, feeds and settings give equal bits.
 */
export async function openSession(
  graph: Description,
  { folder, threads, spinning, memory = 'fast', provider = 'cpu', profile }: SessionSettings,
): Promise<Session> {
  const model = graph.helds.length > 0 ? allHeld(graph, folder) : graph;
  const session = await InferenceSession.create(encodeModel(model), {
    executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: gains(model) ? 'all' : 'disabled',
    enableMemPattern: false, // Cuts the peak of a step by a third, at no loss of speed.
    logSeverityLevel: 3,
    externalData: heldValues(model).map(({ value, data }) => ({ path: value.name, data: bytesOf(data()) })),
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
    extra: {
      session: {
        model_external_initializers_file_folder_path: folder,
        disable_prepacking: memory === 'small' ? '1' : '0',
        intra_op: { allow_spinning: spinning ? '1' : '0' },
      },
    },
  });
  return {
    inputs: graph.inputs,
    async run(feeds) {
      const tensors: Record<string, Tensor> = {};
      for (const name of session.inputNames) {
        const { shape, data } = feeds[name] ?? missing(name);
        tensors[name] =
          data instanceof Float32Array
            ? new Tensor('float32', data, shape)
            : new Tensor('int64', data, shape);
      }
      const found = await session.run(tensors);
      return Object.fromEntries(
        Object.entries(found).map(([name, { dims, data }]) => [name, { shape: dims, data: data as Numbers }]),
      );
    },
    release: () => session.release(),
  };
}

/** Execution providers whose libraries the installed package brings. */
export const bundledProviders = () =>
  listSupportedBackends()
    .filter(({ bundled }) => bundled)
    .map(({ name }) => name);

/**
 * Whether the runtime's optimization does anything for a graph: it makes once what is made of weights alone (casts,
 * columns of zeros). Looking through a training graph for more takes it 80 ms and finds nothing: same bits, same speed. Graphs that
 * branch were not looked at.
 */
function gains({ nodes, weights, helds }: Description): boolean {
  const fixed = new Set([...weights, ...helds].map(({ value }) => value));
  return nodes.some(({ op, inputs }) => op === 'If' || (/^(Cast|Pad)$/.test(op) && fixed.has(inputs[0]!)));
}

/** Where the runtime takes tensors from memory, of which it makes copies, it takes none from files. */
const allHeld = (graph: Description, folder: string): Description => ({
  ...graph,
  weights: [],
  helds: [
    ...graph.helds,
    ...graph.weights.map((weight) => ({ value: weight.value, data: () => readBytes(folder, weight) })),
  ],
});

const bytesOf = (data: Float32Array | Uint8Array) =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

function missing(name: string): never {
  throw new Error(`the graph's input ${name} was not fed`);
}
