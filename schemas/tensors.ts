import { Refusal } from './refusal.js';

/** One named array of float32 in row-major order; `data.length` is the product of `shape`. */
export interface NamedTensor {
  shape: number[];
  data: Float32Array;
}

/** An adapter, an update or a set of gradients: name → tensor. Names are those of Hugging Face PEFT. */
export type NamedTensors = Map<string, NamedTensor>;

/** One entry of a safetensors header; offsets are bytes from the start of the file. */
export interface TensorEntry {
  dtype: string;
  shape: number[];
  begin: number;
  end: number;
}

export const maxHeaderBytes = 100_000_000; // The safetensors format's own limit.
const bytesOf: Record<string, number> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** Encodes float32 tensors as a safetensors file, sorted by name: equal tensors give equal bytes. */
export function encodeSafetensors(tensors: NamedTensors, metadata: Record<string, string> = {}): Uint8Array {
  const names = [...tensors.keys()].sort();
  const header: Record<string, unknown> = { __metadata__: { format: 'pt', ...metadata } };
  let offset = 0;
  for (const name of names) {
    const { shape, data } = tensors.get(name)!;
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(text.length + ((8 - (Buffer.byteLength(text) % 8)) % 8)));
  const out = Buffer.alloc(8 + json.length + offset);
  out.writeBigUInt64LE(BigInt(json.length));
  json.copy(out, 8);
  let at = 8 + json.length;
  for (const name of names) {
    const { data } = tensors.get(name)!;
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return out;
}

/**
 * The table of contents of a safetensors file, from its first bytes (8 + header length of them at least).
 * @param fileBytes the whole file's size, against which every offset is checked
 * @throws Refusal that names `source` and the tensor where the file is damaged
 */
export function readSafetensorsHeader(
  head: Uint8Array,
  fileBytes: number,
  source: string,
): { entries: Map<string, TensorEntry>; metadata: Record<string, string> } {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  const bad = (what: string) => new Refusal(`${source}: not a whole safetensors file: ${what}`);
  const length = headerLength(bytes, fileBytes, bad);
  if (bytes.length < 8 + length) throw bad(`its header of ${length} bytes ends after ${bytes.length - 8}`);
  let header: unknown;
  try {
    header = JSON.parse(bytes.toString('utf8', 8, 8 + length));
  } catch (cause) {
    throw bad(`its header is not JSON (${(cause as Error).message})`);
  }
  if (!isRecord(header)) throw bad('its header is not a JSON object');
  const entries = new Map<string, TensorEntry>();
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const entry = readEntry(value, 8 + length);
    if (!entry) throw bad(`tensor ${name} has no known dtype, shape or offsets`);
    const { dtype, shape, begin, end } = entry;
    if (end - begin !== shape.reduce((a, b) => a * b, bytesOf[dtype]!))
      throw bad(`tensor ${name} has ${end - begin} bytes, not those of its shape`);
    if (end > fileBytes)
      throw bad(`tensor ${name} ends at byte ${end}, the file at ${fileBytes}: it was cut short`);
    entries.set(name, entry);
  }
  requireNoGaps(entries, 8 + length, fileBytes, bad);
  const metadata = isRecord(header.__metadata__) ? header.__metadata__ : {};
  return { entries, metadata: metadata as Record<string, string> };
}

function readEntry(value: unknown, dataStart: number): TensorEntry | undefined {
  if (!isRecord(value)) return undefined;
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string' || !Object.hasOwn(bytesOf, dtype)) return undefined;
  if (!areCounts(shape) || !areCounts(offsets) || offsets.length !== 2) return undefined;
  const [begin, end] = offsets as [number, number];
  return { dtype, shape, begin: dataStart + begin, end: dataStart + end };
}

/** The format has every byte of its data in just one tensor: a gap, an overlap or a rest means damage. */
function requireNoGaps(
  entries: Map<string, TensorEntry>,
  dataStart: number,
  fileBytes: number,
  bad: (what: string) => Error,
): void {
  const ordered = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let at = dataStart;
  for (const [name, { begin, end }] of ordered) {
    if (begin !== at) throw bad(`tensor ${name} begins at byte ${begin}, the one before ends at ${at}`);
    at = end;
  }
  if (at !== fileBytes) throw bad(`its tensors end at byte ${at}, the file at ${fileBytes}`);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const areCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);

/** The length of the JSON header that the first eight bytes announce. */
export function headerLength(
  head: Buffer,
  fileBytes: number,
  bad: (what: string) => Error = (what) => new Refusal(what),
): number {
  if (head.length < 8) throw bad(`it has ${head.length} bytes`);
  const length = Number(head.readBigUInt64LE(0));
  if (length > Math.min(maxHeaderBytes, fileBytes - 8))
    throw bad(`it announces a header of ${length} bytes in ${fileBytes}`);
  return length;
}

/**
 * Decodes a whole safetensors file of float32 tensors; copies (a Buffer's slice() would not), so the input
 * may be reused.
 */
export function decodeSafetensors(bytes: Uint8Array, source: string): NamedTensors {
  const { entries } = readSafetensorsHeader(bytes, bytes.byteLength, source);
  const out: NamedTensors = new Map();
  for (const [name, { dtype, shape, begin, end }] of entries) {
    if (dtype !== 'F32') throw new Refusal(`${source}: tensor ${name} is ${dtype}, expected F32`);
    out.set(name, { shape, data: new Float32Array(new Uint8Array(bytes.subarray(begin, end)).buffer) });
  }
  return out;
}
