import type { Value } from './graph.js';
import type { Feeds } from './session.js';
import { head, type T5Parts } from './t5.js';

/** Rows of logits that exist at a time: 33 MB of T5's 32k-wide vocabulary. Fewer save no more: the peak is elsewhere. */
const blockRows = 256;

/** What a head is made from. */
export type HeadParts = Pick<T5Parts, 'g' | 'config' | 'tensor'>;

/** What the loss is asked about, on B·T places of which some are padding. */
export interface Labels {
  ids: Value;
  /** 0 where a place does not count. */
  weights: Value;
  /** The places that count, in blocks [blocks, rows]; the last may be filled up with any. */
  rows: Value;
  /** Where each place stands among those rows; any, where it does not count. */
  places: Value;
}

/**
 * Σ weight · −log p(label) over hidden states [batch, T, dModel]: with weights 1 / (label tokens), the mean over all
 * that count. A head that is trained needs the logits of all places for its own gradient.
 */
export function weightedLoss(parts: T5Parts, hidden: Value, { openHead = false } = {}): Value {
  const { g } = parts;
  const ids = g.input('labels', ['B*T'], 'int64');
  const weights = g.input('labelWeights', ['B*T']);
  if (openHead) return g.reduceSum(g.mul(g.crossEntropy(head(parts, hidden), ids), weights), [0]);
  const rows = g.input('labelRows', ['blocks', 'rows'], 'int64');
  const places = g.input('labelPlaces', ['B*T'], 'int64');
  return frozenHeadLoss(parts, g.flatten(hidden), { ids, weights, rows, places });
}

/**
 * The loss under a head that is not trained, from hidden states [B·T, dModel]. Loss and d(loss)/d(hidden) are made
 * together, a block of rows at a time, so that of the logits one block exists at most, and no row of padding.
 */
export function frozenHeadLoss(parts: HeadParts, hidden: Value, labels: Labels): Value {
  const { g } = parts;
  return g.composite('FrozenHeadLoss', [hidden], () => {
    const [nll, slopes] = g.each(labels.rows, (body, rows) =>
      blockLoss({ ...parts, g: body }, body.gather(hidden, rows), body.gather(labels.ids, rows)),
    ) as [Value, Value];
    const atPlaces = (x: Value) => g.gather(x, labels.places);
    return [
      g.reduceSum(g.mul(atPlaces(g.reshape(nll, [-1])), labels.weights), [0]),
      g.mul(atPlaces(g.flatten(slopes)), g.unsqueeze(labels.weights, [1])),
    ];
  });
}

/**
 * −log p(label) [rows] and its gradient [rows, dModel], (p − one-hot of the label) · W as p·W − W[label]. With m the
 * largest logit, log Σ exp logit = m − log p(m).
 */
function blockLoss(parts: HeadParts, hidden: Value, ids: Value): [Value, Value] {
  const { g, config, tensor } = parts;
  const logits = head(parts, hidden);
  const p = g.softmax(logits);
  const logSum = g.sub(g.reduceMax(logits, [-1]), g.log(g.reduceMax(p, [-1])));
  const nll = g.sub(logSum, g.pick(logits, g.unsqueeze(ids, [1])));
  const table = tensor(config.tied ? 'shared.weight' : 'lm_head.weight');
  const alpha = config.tied ? config.dModel ** -0.5 : 1;
  const own = g.gather(table, ids);
  return [
    g.reshape(nll, [-1]),
    g.sub(g.matmul(p, table, { alpha }), config.tied ? g.mul(own, g.scalar(alpha)) : own),
  ];
}

/** The feeds of `Labels.rows` and `Labels.places` from the weights of all places. */
export function labelBlocks(weights: Float32Array): Feeds {
  const counting = [...weights.keys()].filter((place) => weights[place] !== 0);
  const blocks = Math.max(1, Math.ceil(counting.length / blockRows));
  const rows = Math.max(1, Math.ceil(counting.length / blocks));
  const labelRows = new BigInt64Array(blocks * rows);
  const labelPlaces = new BigInt64Array(weights.length);
  for (const [row, place] of counting.entries()) {
    labelRows[row] = BigInt(place);
    labelPlaces[place] = BigInt(row);
  }
  return {
    labelRows: { shape: [blocks, rows], data: labelRows },
    labelPlaces: { shape: [weights.length], data: labelPlaces },
  };
}
