import type { Dim, Shape } from './shapes.js';

export type { Dim, Shape };
export type ElementType = 'float32' | 'int64' | 'float16' | 'bfloat16' | 'bool' | 'uint8' | 'uint4';

/** One edge of the graph. */
export interface Value {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
}

export type Attribute = number | { float: number } | string | readonly number[];
export type Attributes = Readonly<Record<string, Attribute>>;

export interface Node {
  readonly op: string;
  readonly domain: '' | 'com.microsoft';
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
  /** The graphs of an `If` or a `Scan`, by the attribute that holds them. */
  readonly branches?: Readonly<Record<string, Description>>;
}

export interface Constant {
  readonly value: Value;
  readonly data: Float32Array | BigInt64Array;
}

/** A tensor that stays where it is on disk: file name in the model's folder, offset and length in bytes. */
export interface Weight {
  readonly value: Value;
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

/** A tensor whose bytes a session takes over from memory when it is made. */
export interface Held {
  readonly value: Value;
  data(): Float32Array | Uint8Array;
}

/** A graph as it is written for a session. */
export interface Description {
  readonly nodes: readonly Node[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly { name: string; value: Value }[];
  readonly constants: readonly Constant[];
  readonly weights: readonly Weight[];
  readonly helds: readonly Held[];
  /** What the body of a `Scan` is given each time. */
  readonly items: readonly Value[];
}
