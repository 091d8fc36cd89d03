import { Graph, type Value } from './graph.js';
import { type Blueprint, ids, partsOf, sourceMask, sourcePositions } from './parts.js';
import { crossKeysValues, decoder, encoder, head, type KeysValues } from './t5.js';

/**
 * One graph for all reading with a model, so that one session holds its weights, once. It has two passes, and what the
 * other one takes is fed empty. Both answer with `keys.<block>` and `values.<block>`, [B, heads, positions, dKv], of
 * each decoder block:
 *
 * - `encoding` 1: `source` [B, S] → keys and values over the source, for the decoder's cross attention.
 * - `encoding` 0: tokens `target` [B, T] behind P positions (`pastKeys.<block>`, `pastValues.<block>`), over an encoded
 *   source (`crossKeys.<block>`, `crossValues.<block>`) → keys and values of the T tokens alone; of each of the B·T
 *   places the k likeliest next tokens, likeliest first: `tokens` and `logProbs` [B·T, k]; and of the first n of these
 *   places the `labelLogProbs` [n, 1] of `labels` [n, 1].
 *
 * `targetMask` [B, 1, T, P+T] says what each token attends to. So the T tokens may be a sequence, or the ends of T
 * sequences that share a source, and perhaps their beginnings: the beams of a search.
 * @param withLogits outputs `logits` [B·T, V] too
 */
export function readingGraph(blueprint: Blueprint, withLogits = false): Graph {
  const g = new Graph();
  const [encoding, decoding] = [new Graph(g), new Graph(g)];
  encodingPass(encoding, blueprint);
  const { logits, fresh } = decodingPass(decoding, blueprint);
  outputKeysValues(decoding, fresh);
  const logProbs = decoding.logSoftmax(logits);
  const [likeliest, tokens] = decoding.topK(logProbs, g.input('k', [1], 'int64'));
  const labelLogProbs = decoding.pick(logProbs, g.input('labels', ['n', 1], 'int64'));
  for (const [name, value] of Object.entries({ logProbs: likeliest, tokens, labelLogProbs, logits })) {
    if (name === 'logits' && !withLogits) continue;
    decoding.output(name, value);
    encoding.output(
      name,
      value.type === 'int64' ? encoding.integers([], [0, 0]) : encoding.floats([], [0, 0]),
    );
  }
  for (const { name, value } of g.choose(g.input('encoding', [1], 'int64'), encoding, decoding))
    g.output(name, value);
  return g;
}

function encodingPass(g: Graph, blueprint: Blueprint): void {
  const parts = partsOf(g, blueprint);
  const memory = encoder(parts, ids(g, 'source', 'S'), sourcePositions(g, sourceMask(g)));
  outputKeysValues(g, crossKeysValues(parts, memory));
}

function decodingPass(g: Graph, blueprint: Blueprint): { logits: Value; fresh: KeysValues[] } {
  const parts = partsOf(g, blueprint);
  const cached = (of: string, positions: string, block: number): KeysValues => {
    const { heads, dKv } = blueprint.config;
    const cache = (name: string) => g.input(`${of}${name}.${block}`, ['B', heads, positions, dKv]);
    return { keys: cache('Keys'), values: cache('Values') };
  };
  const cross = Array.from({ length: blueprint.config.decoderLayers }, (_, block) =>
    cached('cross', 'S', block),
  );
  const fresh: KeysValues[] = [];
  const extend = (block: number, own: KeysValues) => {
    fresh.push(own);
    return { ...own, past: cached('past', 'P', block) };
  };
  const positions = {
    buckets: g.input('targetBuckets', ['T', 'P+T'], 'int64'),
    mask: g.input('targetMask', ['B', 1, 'T', 'P+T']),
  };
  const hidden = decoder(parts, ids(g, 'target', 'T'), positions, cross, sourceMask(g), extend);
  return { logits: head(parts, hidden), fresh };
}

function outputKeysValues(g: Graph, all: readonly KeysValues[]): void {
  for (const [block, { keys, values }] of all.entries()) {
    g.output(`keys.${block}`, keys);
    g.output(`values.${block}`, values);
  }
}
