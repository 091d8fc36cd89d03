import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineOf, parseLine } from '../../telemetry/point.js';

const at = { measurement: 'power', tags: {}, fields: { watts: 1.5 }, timeMs: 1_700_000_000_123 };

test('a point is one line with its tags in order and its time in milliseconds', () => {
  const line = lineOf({ ...at, tags: { source: 'rapl', device: 'a' }, fields: { watts: 1.5, n: 2 } });
  assert.equal(line, 'power,device=a,source=rapl watts=1.5,n=2 1700000000123');
});

test('separators in names and values are escaped, and come back', () => {
  const point = { ...at, measurement: 'my power,x', tags: { 'a b': 'c=d, e' }, fields: { 'x=y z': -1e-9 } };
  const line = lineOf(point)!;
  assert.equal(line, 'my\\ power\\,x,a\\ b=c\\=d\\,\\ e x\\=y\\ z=-1e-9 1700000000123');
  assert.deepEqual(parseLine(line), point);
});

test('what line protocol can not hold is replaced or left out', () => {
  assert.equal(
    lineOf({ ...at, tags: { a: 'two\nlines\\', b: '' }, fields: { watts: Number.NaN, ok: 1 } }),
    'power,a=two\\ lines/ ok=1 1700000000123',
  );
});

test('a point without a finite field is no line', () => {
  assert.equal(lineOf({ ...at, fields: { watts: Number.POSITIVE_INFINITY } }), undefined);
});

test('a line that was cut short is no point', () => {
  const line = 'power,device=a watts=1.5 1700000000123';
  for (const cut of ['', 'power', 'power,device=a', 'power,device=a watts=1.5', 'power,device watts=1 1'])
    assert.equal(parseLine(cut), undefined, cut);
  assert.ok(parseLine(line));
});
