import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demoHeldOut, demoShards, lead1, pretrainingExamples } from '../../builtin/corpus.js';
import { demoDomains } from '../../builtin/domains.js';
import { splitOf } from '../../builtin/text.js';

const countBy = (domains: readonly string[]): number[] => {
  const counts = new Map<string, number>();
  for (const domain of domains) counts.set(domain, (counts.get(domain) ?? 0) + 1);
  return [...counts.values()];
};

test('pretraining mixes its ten domains in equal parts', () => {
  const counts = countBy(pretrainingExamples(105, 1).map(({ domain }) => domain));
  assert.equal(counts.length, 10);
  assert.ok(counts.every((count) => count === 10 || count === 11));
});

test('each of three devices holds one demo domain, and no two the same', () => {
  const shards = demoShards({ devices: 3, perDevice: 40, seed: 1 });
  assert.deepEqual(
    shards.map((shard) => shard.length),
    [40, 40, 40],
  );
  assert.deepEqual(
    shards.map((shard) => [...new Set(shard.map(({ domain }) => domain))]),
    demoDomains.map(({ id }) => [id]),
  );
});

test('more devices than domains share domains but no example', () => {
  const shards = demoShards({ devices: 7, perDevice: 30, seed: 1 });
  assert.equal(new Set(shards.flat().map(({ summary }) => summary)).size, 7 * 30);
});

test('the held-out text is a balanced union of the demo domains that no shard can hold', () => {
  const heldOut = demoHeldOut(60, 1);
  assert.deepEqual(countBy(heldOut.map(({ domain }) => domain)), [20, 20, 20]);
  assert.ok(heldOut.every(({ summary }) => splitOf(summary) === 'validation'));
  const shards = demoShards({ devices: 3, perDevice: 500, seed: 1 }).flat();
  const known = new Set(shards.map(({ summary }) => summary));
  assert.ok(heldOut.every(({ summary }) => !known.has(summary)));
});

test('lead-1 is the first utterance without its speaker', () => {
  assert.equal(lead1('Ada: Hello: there.\nBela: Hi.'), 'Hello: there.');
});
