import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noMeasures } from '../../device/computation.js';
import { stepPoint, taskPoint, transferPoint } from '../../device/task-points.js';

const key = { run: 'r', round: 3, kind: 'train' } as const;
const step = { step: 2, steps: 9, loss: 1.5, ms: 500, tokensPerSecond: 200, flops: 1e9, atMs: 7 };

test('a step tells what it took by the joule, and of what sensor', () => {
  const { tags, fields, timeMs } = stepPoint(
    { ...step, mfu: 0.25, watts: 40, powerSource: 'rapl' },
    key,
    'd',
  );
  assert.deepEqual(tags, { device: 'd', run: 'r', source: 'rapl' });
  const told = { round: 3, step: 2, steps: 9, loss: 1.5, tokens_per_s: 200, step_ms: 500 };
  assert.deepEqual(fields, { ...told, mfu: 0.25, watts: 40, tokens_per_joule: 5 });
  assert.equal(timeMs, 7);
  const unmeasured = stepPoint(
    { ...step, mfu: undefined, watts: undefined, powerSource: undefined },
    key,
    'd',
  );
  assert.deepEqual([unmeasured.tags, unmeasured.fields], [{ device: 'd', run: 'r' }, told]);
});

const measures = { ...noMeasures, examples: 8, steps: 4, tokens: 3_000, loss: 2, seconds: 10 };
const energy = { joules: 600, watts: 50, idleWatts: 8, powerSource: 'ina3221' };
// 4.2 TFLOP in 10 s are 420 GFLOP/s of 1,000.
const peak = { flops: 4.2e12, peakGflops: 1_000, peakSource: 'measured' } as const;

test('a training task tells tokens/s, tokens/J, MFU and its watts beside the idle ones', () => {
  const { tags, fields } = taskPoint(key, { ...measures, ...energy, ...peak }, 'd', 0);
  assert.deepEqual(tags, { device: 'd', run: 'r', kind: 'train', source: 'ina3221' });
  assert.deepEqual(fields, {
    ...{ round: 3, examples: 8, steps: 4, tokens: 3_000, loss: 2, seconds: 10, tokens_per_s: 300, mfu: 0.42 },
    ...{ joules: 600, watts: 50, idle_watts: 8, tokens_per_joule: 5 },
  });
});

test('without sensor and peak a task tells nothing of them; an evaluation neither steps nor tokens', () => {
  const { fields } = taskPoint(key, measures, 'd', 0);
  const counted = { round: 3, examples: 8, loss: 2, seconds: 10 };
  assert.deepEqual(fields, { ...counted, steps: 4, tokens: 3_000, tokens_per_s: 300 });
  const evaluation = { ...measures, steps: 0, tokens: 0, rougeL: 30 };
  const { tags, fields: scored } = taskPoint({ ...key, kind: 'evaluate' }, evaluation, 'd', 0);
  assert.deepEqual([tags.kind, scored], ['evaluate', { ...counted, rouge_l: 30 }]);
});

test('a download tells itself; an upload tells G of both, and each its joules by the profile', () => {
  const down = transferPoint(key, { bytesDown: 1e6, downS: 3 }, 'wifi', 'd', 0);
  assert.deepEqual(down.tags, { device: 'd', run: 'r', kind: 'train' });
  assert.deepEqual(down.fields, {
    round: 3,
    bytes_down: 1e6,
    down_s: 3,
    network_joules: (8e6 * 331.7) / 1e9,
  });
  const up = transferPoint(key, { bytesUp: 1e6, upS: 2, downS: 3, computedS: 40 }, undefined, 'd', 0);
  assert.deepEqual(up.fields, { round: 3, bytes_up: 1e6, up_s: 2, granularity: 8 });
  const alone = transferPoint(key, { bytesUp: 1e6, upS: 2 }, undefined, 'd', 0);
  assert.deepEqual(alone.fields, { round: 3, bytes_up: 1e6, up_s: 2 });
});
