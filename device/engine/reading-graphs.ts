import { Graph } from './graph.js';
import {
  type Blueprint,
  ids,
  partsOf,
  sourceMask,
  sourcePositions,
  targetPositions,
  weightedLoss,
} from './parts.js';
import { crossKeysValues, decoder, encoder, head, type KeysValues } from './t5.js';

/** Source → the decoder's keys and values over it: `crossKeys.<block>`, `crossValues.<block>`. */
export function encodingGraph(blueprint: Blueprint): Graph {
  const g = new Graph();
  const parts = partsOf(g, blueprint);
  const memory = encoder(parts, ids(g, 'source', 'S'), sourcePositions(g, sourceMask(g)));
  outputKeysValues(g, 'cross', crossKeysValues(parts, memory));
  return g;
}

/** Target and labels over encoded sources → `loss`, `logits` [B*T, V] (which costs nothing unless it is asked for). */
export function scoringGraph(blueprint: Blueprint, withLogits = false): Graph {
  const g = new Graph();
  const parts = partsOf(g, blueprint);
  const hidden = decoder(
    parts,
    ids(g, 'target', 'T'),
    targetPositions(g),
    crossInputs(g, blueprint),
    sourceMask(g),
  );
  const { loss, logits } = weightedLoss(parts, hidden);
  g.output('loss', loss);
  if (withLogits) g.output('logits', logits);
  return g;
}

/** One token of each sequence, P tokens in the cache → the most likely `next` token and the cache of P + 1. */
export function stepGraph(blueprint: Blueprint): Graph {
  const g = new Graph();
  const parts = partsOf(g, blueprint);
  const buckets = g.input('stepBuckets', [1, 'P+1'], 'int64');
  const caches: KeysValues[] = [];
  const extend = (block: number, fresh: KeysValues) => {
    const cache = {
      keys: g.concat([cacheInput(g, blueprint, `pastKeys.${block}`, 'P'), fresh.keys], 2, 'P+1'),
      values: g.concat([cacheInput(g, blueprint, `pastValues.${block}`, 'P'), fresh.values], 2, 'P+1'),
    };
    caches.push(cache);
    return cache;
  };
  const token = g.input('token', ['B', 1], 'int64');
  const hidden = decoder(parts, token, { buckets }, crossInputs(g, blueprint), sourceMask(g), extend);
  g.output('next', g.argMax(head(parts, hidden)));
  outputKeysValues(g, 'grown', caches);
  return g;
}

const cacheInput = (g: Graph, { config }: Blueprint, name: string, positions: string) =>
  g.input(name, ['B', config.heads, positions, config.dKv]);

function crossInputs(g: Graph, blueprint: Blueprint): KeysValues[] {
  return Array.from({ length: blueprint.config.decoderLayers }, (_, block) => ({
    keys: cacheInput(g, blueprint, `crossKeys.${block}`, 'S'),
    values: cacheInput(g, blueprint, `crossValues.${block}`, 'S'),
  }));
}

function outputKeysValues(g: Graph, of: string, all: readonly KeysValues[]): void {
  for (const [block, { keys, values }] of all.entries()) {
    g.output(`${of}Keys.${block}`, keys);
    g.output(`${of}Values.${block}`, values);
  }
}
