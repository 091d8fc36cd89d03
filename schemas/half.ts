/** Numbers of two bytes: IEEE 754 halves, and bfloat16, the upper half of a float32. */
const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/** The bits of the nearest IEEE 754 half, ties to even; beyond ±65504 (and its rounding) ±infinity. */
export function toHalf(value: number): number {
  single[0] = value;
  const from = bits[0]!;
  const sign = (from >>> 16) & 0x8000;
  const magnitude = from & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and more round to infinity.
  if (magnitude >= 0x38800000) {
    // A normal half: exponent bias 127 → 15, mantissa 23 → 10 bits.
    const shifted = magnitude - 0x38000000;
    return sign | ((shifted + 0x0fff + ((shifted >>> 13) & 1)) >>> 13);
  }
  // A subnormal half counts in 2^-24; the sum rounds in single precision at just that place, ties to even.
  single[0] = Math.abs(value) + 0.5;
  return sign | (bits[0]! - 0x3f000000);
}

/** The number that an IEEE 754 half's bits stand for. */
export function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

/** The bits of the nearest bfloat16, ties to even. */
export function toBfloat16(value: number): number {
  single[0] = value;
  const from = bits[0]!;
  if (Number.isNaN(value)) return (from >>> 16) | 0x40;
  return (from + 0x7fff + ((from >>> 16) & 1)) >>> 16;
}

/** The number that a bfloat16's bits stand for. */
export function fromBfloat16(half: number): number {
  bits[0] = half << 16;
  return single[0]!;
}
