import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pretrainingExamples } from '../../builtin/corpus.js';
import type { Domain } from '../../builtin/domain.js';
import { demoDomains, pretrainingDomains } from '../../builtin/domains.js';
import { fill, slotsOf } from '../../builtin/template.js';
import { past } from '../../builtin/words.js';

/** What a domain alone talks about. */
const ownPhrases = ({ desk, objects, problems, stopgaps, relief, delays }: Domain): string[] => [
  desk,
  ...objects,
  ...problems.flatMap(({ stated, said, causes }) => [
    stated,
    ...said,
    ...causes.map(([cause]) => cause),
    ...causes.map(([, action]) => action),
  ]),
  ...stopgaps,
  ...relief,
  ...delays,
];

test('nothing that a demo domain talks about occurs in the pretraining text', () => {
  const text = pretrainingExamples(5000, 'overlap')
    .map(({ dialogue, summary }) => `${dialogue}\n${summary}`)
    .join('\n')
    .toLowerCase();
  for (const phrase of demoDomains.flatMap(ownPhrases))
    assert.ok(!text.includes(phrase.toLowerCase()), phrase);
});

test('every problem has two causes or more, and every cause is mended in one way', () => {
  for (const { id, problems } of [...pretrainingDomains, ...demoDomains]) {
    assert.ok(
      problems.every(({ causes }) => causes.length >= 2),
      id,
    );
    const causes = problems.flatMap((problem) => problem.causes.map(([cause]) => cause));
    assert.equal(new Set(causes).size, causes.length, id);
  }
});

test('demo domains word and order their summaries unlike each other and unlike the pretraining domains', () => {
  const order = (domain: Domain) => slotsOf(domain.summary.visit).join();
  const openings = (domain: Domain) => domain.summary.visit.split(/[ ,]/)[0];
  for (const demo of demoDomains) {
    for (const other of [...pretrainingDomains, ...demoDomains].filter((domain) => domain !== demo)) {
      assert.notEqual(order(demo), order(other));
      assert.notEqual(openings(demo), openings(other));
    }
  }
});

test('a template needs all its slots and starts its sentences with capitals', () => {
  assert.equal(fill('{a} it. {b}', { a: 'mend', b: 'now' }), 'Mend it. Now');
  assert.throws(() => fill('{a}', {}), /no slot "a"/);
});

test('actions are put into the past', () => {
  const actions = [
    'replace the fuse',
    'dry the sensor',
    'stop the program',
    'reset it',
    'roll back',
    'destroy it',
  ];
  assert.deepEqual(actions.map(past), [
    'replaced the fuse',
    'dried the sensor',
    'stopped the program',
    'reset it',
    'rolled back',
    'destroyed it',
  ]);
});
