/** A matrix [rows, columns] in few bits, as onnxruntime's MatMulNBits reads it: blocks of 32 along a row. */
export interface Quantized {
  readonly bits: 8 | 4;
  readonly rows: number;
  readonly columns: number;
  /** Row-major; of two numbers in a byte the first has the low half. */
  readonly packed: Uint8Array;
  /** 8 bits: of each tile of 32 × 32. 4 bits: of each block. Row-major. */
  readonly scales: Float32Array;
  /** 4 bits: what stands for 0 in each block, packed as the numbers. With 8 bits it is 128 everywhere. */
  readonly zeros?: Uint8Array;
}

export const block = 32;

/** Whether a matrix can be held in so many bits: whole tiles, and zeros of a row in whole bytes. */
export const fits = (bits: 8 | 4, [rows, columns]: readonly [number, number]) =>
  bits === 8 ? rows % block === 0 && columns % block === 0 : columns % (2 * block) === 0;

/** Rounds to (q − zero) · scale. The matrix must fit. */
export const quantize = (bits: 8 | 4, data: Float32Array, rows: number, columns: number): Quantized =>
  bits === 8 ? quantized8(data, rows, columns) : quantized4(data, rows, columns);

/** The numbers that a quantized matrix stands for. */
export function dequantize({ bits, rows, columns, packed, scales, zeros }: Quantized): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    if (bits === 8) return (packed[i]! - 128) * scales[tileOf(i, columns)]!;
    const at = Math.floor(i / block);
    return (half(packed, i) - half(zeros!, at)) * scales[at]!;
  });
}

const half = (packed: Uint8Array, i: number) => (packed[i >> 1]! >> ((i & 1) * 4)) & 15;

/**
 * The same numbers as columns × rows, turned whenever they are read. Only with 8 bits, whose tiles are square for this:
 * a product with the matrix and one with its transpose, each in blocks of its own rows, then see the same weights.
 */
export function transposed({ bits, rows, columns, packed, scales }: Quantized): Quantized {
  if (bits !== 8) throw new Error('blocks of a row are no blocks of a column');
  const [down, across] = [rows / block, columns / block];
  const turned = scales.map((_, i) => scales[(i % down) * across + Math.floor(i / down)]!);
  return {
    ...{ bits, rows: columns, columns: rows, scales: turned },
    get packed() {
      return turnedBytes(packed, rows, columns);
    },
  };
}

function turnedBytes(bytes: Uint8Array, rows: number, columns: number): Uint8Array {
  const turned = new Uint8Array(bytes.length);
  // By strips of rows, for the cache's sake.
  for (let top = 0; top < rows; top += block) {
    for (let column = 0; column < columns; column++) {
      for (let row = top; row < top + block; row++)
        turned[column * rows + row] = bytes[row * columns + column]!;
    }
  }
  return turned;
}

/** A scale for each block of each row, [rows, columns / 32]. */
export function blockScales({ bits, rows, columns, scales }: Quantized): Float32Array {
  if (bits === 4) return scales;
  const across = columns / block;
  const all = new Float32Array(rows * across);
  for (let row = 0; row < rows; row++) {
    const tiles = Math.floor(row / block) * across;
    all.set(scales.subarray(tiles, tiles + across), row * across);
  }
  return all;
}

/** The largest of a tile is ±127 steps: no number is off by more than half a step. */
function quantized8(data: Float32Array, rows: number, columns: number): Quantized {
  const packed = new Uint8Array(rows * columns);
  const across = columns / block;
  const scales = new Float32Array((rows / block) * across);
  for (let from = 0; from < data.length; from += block) {
    const tile = tileOf(from, columns);
    let largest = scales[tile]!;
    for (let i = from; i < from + block; i++) largest = Math.max(largest, Math.abs(data[i]!));
    scales[tile] = largest;
  }
  for (const [i, largest] of scales.entries()) scales[i] = largest / 127;
  for (let from = 0; from < data.length; from += block) {
    const scale = scales[tileOf(from, columns)]!;
    const perStep = scale > 0 ? 1 / scale : 0;
    for (let i = from; i < from + block; i++) packed[i] = data[i]! * perStep + 128.5;
  }
  return { bits: 8, rows, columns, packed, scales };
}

/** The tile of a number in a matrix of whole tiles. */
const tileOf = (i: number, columns: number) =>
  Math.floor(i / columns / block) * (columns / block) + Math.floor((i % columns) / block);

/** How far a block's range is drawn in: the far ends then are clipped, and all else has finer steps. */
const shrinks = [1, 0.94, 0.88, 0.82, 0.76];

/** Of a block's possible ranges the one with the least squared error; the range holds 0, which stays exact. */
function quantized4(data: Float32Array, rows: number, columns: number): Quantized {
  const blocks = (rows * columns) / block;
  const packed = new Uint8Array((rows * columns) / 2);
  const scales = new Float32Array(blocks);
  const zeros = new Uint8Array(blocks / 2);
  for (let at = 0; at < blocks; at++) {
    const [from, to] = [at * block, (at + 1) * block];
    let [low, high] = [0, 0];
    for (let i = from; i < to; i++) {
      if (data[i]! < low) low = data[i]!;
      else if (data[i]! > high) high = data[i]!;
    }
    let [least, scale, zero] = [Number.POSITIVE_INFINITY, 0, 8];
    if (high > low) {
      for (const shrink of shrinks) {
        const step = Math.fround(((high - low) * shrink) / 15);
        const origin = Math.round((-low * shrink) / step);
        const error = squaredError(data, from, to, step, origin);
        if (error < least) [least, scale, zero] = [error, step, origin];
      }
    }
    scales[at] = scale;
    zeros[at >> 1]! |= zero << ((at & 1) * 4);
    const perStep = scale > 0 ? 1 / scale : 0;
    for (let i = from; i < to; i += 2) {
      const [first, second] = [data[i]! * perStep + zero, data[i + 1]! * perStep + zero];
      packed[i >> 1] = nearest(first) | (nearest(second) << 4);
    }
  }
  return { bits: 4, rows, columns, packed, scales, zeros };
}

function squaredError(data: Float32Array, from: number, to: number, step: number, zero: number): number {
  const perStep = 1 / step;
  let sum = 0;
  for (let i = from; i < to; i++) {
    const x = data[i]! * perStep + zero;
    const off = x - nearest(x);
    sum += off * off;
  }
  return sum * step * step;
}

/** The whole number of 0 to 15 next to x. */
const nearest = (x: number) => (x <= 0 ? 0 : x >= 15 ? 15 : (x + 0.5) | 0);
