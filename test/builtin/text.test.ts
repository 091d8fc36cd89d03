import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { lead1 } from '../../builtin/corpus.js';
import { drawDialogue } from '../../builtin/dialogue.js';
import { allDomains } from '../../builtin/domains.js';
import { drawScene } from '../../builtin/scene.js';
import { slotsOf } from '../../builtin/template.js';
import { generate, splitOf } from '../../builtin/text.js';
import { rouge } from '../../device/engine/rouge.js';
import { random } from '../../schemas/random.js';

const ids = allDomains.map(({ id }) => id);

test('the same request gives the same text, and a larger count only appends', () => {
  const request = { domain: 'wind', count: 50, seed: 7, split: 'train' } as const;
  assert.deepEqual(generate(request), generate(request));
  assert.deepEqual(generate({ ...request, count: 80 }).slice(0, 50), generate(request));
  assert.notDeepEqual(generate({ ...request, seed: 8 }), generate(request));
});

test('the text is byte for byte the one that the built-in model was made from', () => {
  const hash = createHash('sha256');
  for (const domain of ids)
    hash.update(JSON.stringify(generate({ domain, count: 20, seed: 1, split: 'train' })));
  assert.equal(hash.digest('hex'), 'e1ac62dbb024f7b37f6a405222ff8638665adbbb36f74d4612f3f36d4ef97a4f');
});

test('no combination of facts is in both splits, whatever the seeds, or twice in one', () => {
  for (const domain of ids) {
    for (const split of ['train', 'validation'] as const) {
      for (const seed of [1, 2]) {
        const summaries = generate({ domain, count: 100, seed, split }).map(({ summary }) => summary);
        assert.ok(summaries.every((summary) => splitOf(summary) === split));
        assert.equal(new Set(summaries).size, summaries.length);
      }
    }
  }
});

test('about 8 of 10 combinations are for training', () => {
  const train = Array.from({ length: 5000 }, (_, i) => splitOf(`facts ${i}`)).filter(
    (split) => split === 'train',
  );
  assert.ok(Math.abs(train.length / 5000 - 0.8) < 0.03, `${train.length} of 5000`);
});

test('every fact of a summary is said in the dialogue, and never all of them in one turn', () => {
  const next = random('facts');
  for (const domain of allDomains) {
    for (let i = 0; i < 300; i++) {
      const scene = drawScene(domain, next);
      const dialogue = drawDialogue(domain, scene, next);
      const facts = slotsOf(domain.summary[scene.outcome]).flatMap((slot) => spoken[slot] ?? [[slot]]);
      const says = (text: string) =>
        facts.every((ways) =>
          ways.some((slot) => text.toLowerCase().includes(scene.slots[slot]!.toLowerCase())),
        );
      assert.ok(says(dialogue), `${facts} of\n${dialogue}`);
      assert.ok(!dialogue.split('\n').some(says), `one turn says all of\n${dialogue}`);
    }
  }
});

/** How a stated slot is spoken where not by itself: all of a list, each in one of its ways. */
const spoken: Record<string, string[][]> = {
  problem: [['said']],
  when: [['day'], ['hour']],
  action: [['action', 'acted']],
  acted: [['action', 'acted']],
};

test('dialogues have 2 to 7 turns of the two names in turn', () => {
  for (const domain of ids) {
    for (const { dialogue } of generate({ domain, count: 100, seed: 3, split: 'train' })) {
      const speakers = dialogue.split('\n').map((turn) => turn.match(/^([A-Z][a-z]+): [A-Z0-9]/)?.[1]);
      assert.ok(speakers.length >= 2 && speakers.length <= 7 && !speakers.includes(undefined), dialogue);
      assert.ok(
        speakers.every((speaker, i) => i < 2 || speaker === speakers[i - 2]),
        dialogue,
      );
      assert.notEqual(speakers[0], speakers[1]);
    }
  }
});

test('no line of a dialogue serves as its summary', (t) => {
  for (const domain of ids) {
    const examples = generate({ domain, count: 100, seed: 4, split: 'validation' });
    const mean = (score: (example: (typeof examples)[number]) => number) =>
      examples.reduce((sum, example) => sum + score(example), 0) / examples.length;
    const first = mean(({ dialogue, summary }) => rouge(lead1(dialogue), summary).rougeL);
    const best = mean(({ dialogue, summary }) =>
      Math.max(...dialogue.split('\n').map((turn) => rouge(lead1(turn), summary).rougeL)),
    );
    t.diagnostic(
      `${domain}: ROUGE-L of the first line ${first.toFixed(1)}, of the best line ${best.toFixed(1)}`,
    );
    assert.ok(first < 30 && best < 55);
  }
});

test('an unknown domain is refused with the list of those that exist', () => {
  const request = { domain: 'trains', count: 1, seed: 1, split: 'train' } as const;
  assert.throws(() => generate(request), /no domain "trains", there are network, .*hospital/);
});
