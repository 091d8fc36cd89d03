import type { EngineOptions } from '../../schemas/engine-settings.js';
import type { Lora } from '../../schemas/messages.js';
import { type T5Config, tensorShapes } from './config.js';
import { geometryOf, loraStepFlops, rowsOfRun } from './flops.js';
import { bitsOf, isLinear } from './freeze.js';
import { peakLiveBytes } from './live-bytes.js';
import { adapterShapes } from './lora.js';
import { labelBlocks } from './loss.js';
import { fits } from './quantize.js';
import { trainingGraph } from './training-graph.js';
import type { WeightIndex } from './weights.js';

/** A step's batch: every row has all its tokens. */
export interface StepSize {
  batch: number;
  source: number;
  target: number;
}

export type CostOptions = Pick<EngineOptions, 'memory' | 'baseBits' | 'recompute'>;

/** Bytes of memory that a process takes for a LoRA step, by what for. */
export interface StepMemory {
  /** Node, the runtime's code and the graph. */
  process: number;
  /** Weights that stay in their files: mapped, and the system's to drop when memory is short. */
  mapped: number;
  copies: RuntimeCopies;
  /** What a step keeps and makes on its way, logits included. */
  activations: number;
  /** Adapter, its gradients, and the two moments of AdamW. */
  adapter: number;
  total: number;
}

/** What of the weights stands in memory of its own; the files are mapped besides. */
export interface RuntimeCopies {
  /** Float32 of weights that are F16 or BF16. */
  casts: number;
  /** Weights as the runtime's products want them: one copy for the forward pass and one for the backward pass. */
  prepacked: number;
  /** The frozen base in 8 or 4 bits: as it was made, and as the session has it. */
  quantized: number;
}

export interface StepCost {
  flops: number;
  memory: StepMemory;
  /** Of the adapter as a file of float32. */
  adapterBytes: number;
}

const processBytes = 145e6; // Measured: tiny model, Node 20 with the runtime, x86-64.

/** What one LoRA step costs: operations by the formula, memory by an account of the training graph's values. */
export function stepCost(
  config: T5Config,
  weights: WeightIndex,
  lora: Lora,
  { batch, source, target }: StepSize,
  options: CostOptions,
): StepCost {
  const adapterBytes = sum([...adapterShapes(config, lora).values()].map((shape) => 4 * count(shape)));
  const copies = runtimeCopies(config, weights, options);
  const sampleFlops = loraStepFlops(geometryOf(config), source, target, lora.rank, lora.targets);
  const runs = Math.ceil(batch / rowsOfRun(sampleFlops));
  const rowsOfOne = Math.ceil(batch / runs);
  const graph = trainingGraph({ config, weights, lora, recompute: options.recompute });
  const [blocks, rows] = labelBlocks(new Float32Array(rowsOfOne * target).fill(1)).labelRows!.shape as [
    number,
    number,
  ];
  // '?' is what a graph leaves open: only rows of its loss.
  const sizes = { B: rowsOfOne, S: source, T: target, blocks, rows, '?': rows };
  const memory = {
    process: processBytes,
    mapped: mappedBytes(config, weights, options, batch * (source + target)),
    copies,
    activations: peakLiveBytes(graph, sizes),
    adapter: 5 * adapterBytes,
  };
  const { casts, prepacked, quantized } = copies;
  const total =
    memory.process + memory.mapped + memory.activations + memory.adapter + casts + prepacked + quantized;
  return {
    flops: batch * sampleFlops,
    memory: { ...memory, total },
    adapterBytes,
  };
}

/** The runtime's own copies of a frozen base's weights, in bytes. */
export function runtimeCopies(
  config: T5Config,
  weights: WeightIndex,
  { memory, baseBits }: Pick<CostOptions, 'memory' | 'baseBits'>,
): RuntimeCopies {
  const copies = { casts: 0, prepacked: 0, quantized: 0 };
  let rounded = 0;
  for (const [name, shape] of tensorShapes(config)) {
    const bytes = 4 * count(shape);
    if (isQuantized(name, shape, baseBits)) {
      rounded += bytes;
      copies.quantized += 2 * quantizedBytes(count(shape), bitsOf(name, baseBits as '8' | '4'));
      continue;
    }
    if (weights.get(name)?.dtype !== 'F32') copies.casts += bytes;
    if (memory === 'fast' && (isLinear(name) || name === headOf(config))) copies.prepacked += 2 * bytes;
  }
  return { ...copies, quantized: copies.quantized + Math.min(rounded, uncollectedBytes) };
}

/** What a step reads through the mapping: a weight that was packed, cast or rounded is let go of. */
function mappedBytes(
  config: T5Config,
  weights: WeightIndex,
  { memory, baseBits }: CostOptions,
  tokens: number,
): number {
  let bytes = 0;
  for (const [name, shape] of tensorShapes(config)) {
    if (weights.get(name)?.dtype !== 'F32' || isQuantized(name, shape, baseBits)) continue;
    const isLookedUp = name === 'shared.weight' && (memory === 'fast' || !config.tied);
    if (isLookedUp) bytes += 4 * config.dModel * Math.min(tokens, config.vocabSize);
    else if (memory === 'small') bytes += 4 * count(shape);
  }
  return bytes;
}

/** Float32 that was read to be rounded and that JavaScript has not collected yet, measured at small and base. */
const uncollectedBytes = 256e6;

const isQuantized = (name: string, shape: readonly number[], baseBits: CostOptions['baseBits']) =>
  baseBits !== '32' && isLinear(name) && fits(bitsOf(name, baseBits), shape as [number, number]);

/** Both orders of an 8-bit matrix, or one of 4 bits with its zeros; a float32 scale for each block of 32. */
const quantizedBytes = (numbers: number, bits: 8 | 4) =>
  bits === 8 ? 2 * numbers * (1 + 4 / 32) : numbers * (1 / 2 + 4 / 32 + 1 / 64);

const headOf = ({ tied }: T5Config) => (tied ? 'shared.weight' : 'lm_head.weight');
const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
