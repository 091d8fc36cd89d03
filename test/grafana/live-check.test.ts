import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Ask, askAll, findingsText, hasRows, isWhole, unwrittenFields } from './live-check.js';
import { sketch } from './sketch.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Answers as an InfluxDB would that has one row of every column that is asked for, but those that are empty. */
const answering =
  (empty: (q: string, column: string) => boolean): Ask =>
  async (q) => {
    if (q.startsWith('SHOW')) return { series: [{ columns: ['key', 'value'], values: [['key', 'x-1']] }] };
    const outer = q.slice(0, q.indexOf(' FROM '));
    const columns = [...outer.matchAll(/AS "([^"]+)"/g)].map(([, name]) => name!);
    const values = columns.map((column) => (empty(q, column) ? null : 1));
    return { series: [{ columns: ['time', ...columns], values: [[0, ...values]] }] };
  };

test('where everything has a value, the count says so', async () => {
  const findings = await askAll(
    root,
    answering(() => false),
  );
  assert.ok(findings.answers.every(hasRows));
  const { panels, answers } = findings;
  const all = answers.length;
  assert.equal(findingsText(findings), `dashboards: ${panels} panels, ${all} queries, ${all} with rows`);
});

test('a column without any value, an error and an empty answer are told and not counted', async () => {
  const findings = await askAll(root, async (q) => {
    if (q.includes('"granularity"')) return {};
    if (q.includes('"joules_per_mb"')) return { error: 'a bad day' };
    return answering((asked, column) => asked.includes('"cpu_percent"') && column === 'GPU')(q);
  });
  const text = findingsText(findings);
  const { panels, answers } = findings;
  assert.match(text, /Device \/ Utilization A: nothing in GPU\n/);
  assert.match(text, /Run \/ Granularity A: no rows\n/);
  assert.match(text, /Energy \/ Joules per megabyte A: a bad day\n/);
  const last = `dashboards: ${panels} panels, ${answers.length} queries, ${answers.length - 4} with rows`;
  assert.equal(text.split('\n').at(-1), last);
});

test('what a variable answers first stands in the questions', async () => {
  const asked: string[] = [];
  await askAll(root, (q) => {
    asked.push(q);
    return answering(() => false)(q);
  });
  assert.ok(asked.some((q) => q.includes('"run" =~ /^x-1$/') && q.includes('"device" =~ /^.*$/')));
  assert.ok(asked.every((q) => !/\$[a-z_]/i.test(q)));
});

test('the sketch has every panel in its place', async () => {
  const findings = await askAll(
    root,
    answering(() => false),
  );
  const html = sketch(findings);
  assert.equal(html.match(/class="panel"/g)?.length, findings.panels);
  assert.match(html, /<b title="[^"]+">Devices up<\/b>.*?<p>1<\/p>/);
});

test('a field of the table that nothing wrote is named, and the check fails', async () => {
  const asked: Ask = async (q) =>
    q.includes('"power"')
      ? { series: [{ columns: ['fieldKey', 'fieldType'], values: [['watts', 'float']] }] }
      : {};
  const unwritten = await unwrittenFields(asked);
  assert.ok(!unwritten.includes('power.watts'));
  assert.ok(unwritten.includes('task.joules') && unwritten.includes('round.granularity'));
  const findings = { dashboards: [], panels: 1, answers: [], unwritten: ['task.joules'] };
  assert.equal(isWhole(findings), false);
  assert.match(findingsText(findings), /^written by nothing: task\.joules\ndashboards: 1 panels/);
  assert.equal(isWhole({ ...findings, unwritten: [] }), true);
});
