import { fromHalf, toHalf } from './half.js';
import type { UpdateTensor } from './messages.js';
import { Refusal } from './refusal.js';
import type { NamedTensors } from './tensors.js';

/**
 * How an update's numbers are written. Little endian, row-major. Both ways copy: a Buffer's slice() would
 * not.
 */
interface Codec {
  bytesPerValue: number;
  encode(values: Float32Array): Uint8Array;
  /** `bytes` has a whole number of values, at any alignment. */
  decode(bytes: Uint8Array): Float32Array;
}

const codecs: Record<string, Codec> = {
  f32: {
    bytesPerValue: 4,
    encode: (values) => new Uint8Array(values.slice().buffer),
    decode: (bytes) => new Float32Array(new Uint8Array(bytes).buffer),
  },
  f16: {
    bytesPerValue: 2,
    encode: (values) => new Uint8Array(Uint16Array.from(values, toHalf).buffer),
    decode: (bytes) => Float32Array.from(new Uint16Array(new Uint8Array(bytes).buffer), fromHalf),
  },
};

export const codecNames: readonly string[] = Object.keys(codecs);

/** Tensors in a codec's form, sorted by name: equal tensors give equal bytes. */
export function encodeTensors(codec: string, tensors: NamedTensors): UpdateTensor[] {
  const { encode } = requireCodec(codec);
  return [...tensors.keys()].sort().map((name) => {
    const { shape, data } = tensors.get(name)!;
    return { name, shape, data: encode(data) };
  });
}

/** @throws Refusal for an unknown codec, a name given twice, or data that is not as long as its shape says */
export function decodeTensors(codec: string, tensors: readonly UpdateTensor[]): NamedTensors {
  const { bytesPerValue, decode } = requireCodec(codec);
  const out: NamedTensors = new Map();
  for (const { name, shape, data } of tensors) {
    if (out.has(name)) throw new Refusal(`tensor ${name} is there twice`);
    const bytes = shape.reduce((a, b) => a * b, bytesPerValue);
    if (data.length !== bytes)
      throw new Refusal(
        `tensor ${name} of shape [${shape}] has ${data.length} bytes of ${codec}, not ${bytes}`,
      );
    out.set(name, { shape, data: decode(data) });
  }
  return out;
}

function requireCodec(name: string): Codec {
  const codec = Object.hasOwn(codecs, name) ? codecs[name] : undefined;
  if (!codec) throw new Refusal(`codec ${name}: not known here, expected one of ${codecNames.join(', ')}`);
  return codec;
}
