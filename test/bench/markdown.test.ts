import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markdown } from '../../bench/markdown.js';

test('records become an aligned Markdown table, numbers to the right with four digits that count', () => {
  const text = markdown([
    { model: 'small', stepMs: 852.3456, mfu: 0.75123, batch: 8 },
    { model: 'flan-t5-base', stepMs: 12345.6, mfu: 0.8, batch: 4 },
  ]);
  assert.equal(
    text,
    [
      '| model        | stepMs |   mfu | batch |',
      '| ------------ | -----: | ----: | ----: |',
      '| small        |  852.3 | 0.751 |     8 |',
      '| flan-t5-base |  12346 | 0.800 |     4 |',
    ].join('\n'),
  );
});
