import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Graph } from '../../../device/engine/graph.js';
import type { Session } from '../../../device/engine/session.js';
import { createSessionCache } from '../../../device/engine/session-cache.js';

/** A cache whose sessions only tell when they are opened and released. */
function toldCache(limit: number) {
  const told: string[] = [];
  const names = new Map<Graph, string>();
  const cache = createSessionCache(async (graph) => {
    const name = names.get(graph)!;
    if (name === 'broken') throw new Error('no such op');
    told.push(`open ${name}`);
    return {
      inputs: [],
      run: async () => ({}),
      release: async () => void told.push(`release ${name}`),
    } as Session;
  }, limit);
  const get = (name: string) =>
    cache.get(name, () => {
      const graph = new Graph();
      names.set(graph, name);
      return graph;
    });
  return { cache, told, get };
}

test('a session is opened once; where one too many is held, the one unused for longest goes first', async () => {
  const { cache, told, get } = toldCache(2);
  for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) await get(name);
  assert.deepEqual(told, ['open a', 'open b', 'release b', 'open c', 'release c', 'open b']);
  assert.equal(cache.opened, 4);
  await cache.release();
  assert.deepEqual(told.slice(6), ['release a', 'release b']);
});

test('two who ask at once get one session, and one that could not be opened is not kept', async () => {
  const { told, get } = toldCache(1);
  const [one, other] = await Promise.all([get('a'), get('a')]);
  assert.equal(one, other);
  await assert.rejects(get('broken'), /no such op/);
  await assert.rejects(get('broken'), /no such op/);
  await get('a');
  assert.deepEqual(told, ['open a', 'release a', 'open a']);
});
