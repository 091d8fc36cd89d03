import type { Attributes, Node, Value } from './description.js';

/** What the gradient walk sees: a node, or several that act as one operation with a rule of its own. */
export interface Step {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

/** Steps that can be run once more from one value. */
export interface Layer {
  readonly input: Value;
  readonly nodes: readonly Node[];
  readonly steps: readonly Step[];
}
