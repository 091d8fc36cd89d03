import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { dashboards, files } from '../../grafana/files.js';
import { downsampled, over, scoped } from '../../grafana/influxql.js';
import { unitOf } from '../../grafana/units.js';
import { measurements } from '../../schemas/measurements.js';
import { continuousQueries } from '../../telemetry/downsampling.js';
import { alertQuestions, dashboardQuestions, filledIn, readDashboards } from './questions.js';
import { type PanelJson, schemaProblems } from './schema.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const committed = readDashboards(root);
const panels = committed.flatMap(({ uid, panels }) =>
  panels.filter(({ type }) => type !== 'row').map((panel) => ({ ...panel, of: `${uid} / ${panel.title}` })),
) as unknown as (PanelJson & {
  of: string;
  id: number;
  description: string;
  datasource: { uid: string };
  targets: { refId: string; query: string; rawQuery: boolean; resultFormat: string }[];
  fieldConfig: { defaults: { unit: string; thresholds: { steps: { value: number | null }[] } } };
})[];

test('the committed dashboards and alert rules are what their sources make', () => {
  for (const [path, text] of Object.entries(files()))
    assert.equal(readFileSync(join(root, path), 'utf8'), text, `${path}: npm run build:dashboards`);
  assert.equal(committed.length, Object.keys(dashboards).length, 'a dashboard has no source');
});

test('the dashboards fit the types of Grafana’s schema package', () => {
  assert.deepEqual(schemaProblems(committed, join(root, 'dist/grafana-schema')), []);
});

test('the check by the schema finds a wrong word, a missing field and one too many', () => {
  const bad = structuredClone(committed.find(({ uid }) => uid === 'fleetune-fleet')!);
  const first = (type: string) =>
    bad.panels.find((panel) => panel.type === type) as unknown as {
      options: { legend: { placement?: string } };
      fieldConfig: { defaults: { custom: { drawStyle: string; colour?: string } } };
    };
  first('timeseries').fieldConfig.defaults.custom.drawStyle = 'wobbly';
  first('state-timeline').fieldConfig.defaults.custom.colour = 'red';
  delete first('barchart').options.legend.placement;
  const problems = schemaProblems([bad], join(root, 'dist/grafana-schema-bad'));
  assert.equal(problems.filter((line) => line.includes('error TS')).length, 3, problems.join('\n'));
});

test('panels stand side by side: none overlaps another or leaves the 24 columns', () => {
  for (const { uid, panels } of committed) {
    const taken = new Map<string, string>();
    for (const { title, gridPos } of panels as unknown as PlacedPanel[]) {
      assert.ok(gridPos.x >= 0 && gridPos.x + gridPos.w <= 24, `${uid} / ${title} leaves the grid`);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.equal(taken.get(`${x},${y}`), undefined, `${uid}: ${title} lies on another`);
          taken.set(`${x},${y}`, title);
        }
    }
  }
});

interface PlacedPanel {
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
}

test('every panel says what it shows, in which unit and with which thresholds', () => {
  const ids = new Set<string>();
  for (const { of, id, description, datasource, targets, fieldConfig } of panels) {
    assert.ok(description.length > 15 && description.endsWith('.'), `${of}: a description is a sentence`);
    assert.ok(fieldConfig.defaults.unit, `${of} has no unit`);
    assert.equal(fieldConfig.defaults.thresholds.steps[0]?.value, null, `${of} has no thresholds`);
    assert.equal(datasource.uid, 'fleetune', of);
    assert.ok(targets.length > 0 && targets.every(({ rawQuery }) => rawQuery), `${of} asks nothing`);
    assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, of);
    ids.add(`${of.split(' / ')[0]} ${id}`);
  }
  assert.equal(ids.size, panels.length, 'ids of panels are not their own');
  assert.equal(
    new Set(panels.map(({ of }) => of)).size,
    panels.length,
    'two panels of a dashboard share a title',
  );
});

test('a table is grouped by one tag at most: Grafana mixes up the columns of more', () => {
  const tables = panels.flatMap(({ of, targets }) =>
    targets.filter(({ resultFormat }) => resultFormat === 'table').map(({ query }) => ({ of, query })),
  );
  assert.ok(tables.length > 10);
  for (const { of, query } of tables) {
    const outer = query.slice(query.lastIndexOf(')') + 1);
    assert.ok((outer.split('GROUP BY')[1] ?? '').split(',').length <= 1, of);
  }
});

test('questions hold no other variables than those of their dashboard', () => {
  for (const { variables, questions } of committed.map(dashboardQuestions)) {
    const values = new Map(variables.map(({ name }) => [name, 'x']));
    for (const { text, rangeS } of questions)
      assert.doesNotMatch(filledIn(text, rangeS, values, 0), /\$[a-z_]/);
  }
  for (const { text, rangeS } of alertQuestions(root).questions)
    assert.doesNotMatch(filledIn(text, rangeS, new Map(), 0), /\$[a-z_]/);
  assert.throws(() => filledIn('WHERE "run" =~ /^$run$/', 0, new Map(), 0), /\$run .* no variable/);
});

test('alert rules end in a threshold and say what is wrong', () => {
  const { groups } = parse(
    readFileSync(join(root, 'grafana/provisioning/alerting/rules.yaml'), 'utf8'),
  ) as AlertFile;
  const rules = groups.flatMap(({ rules }) => rules);
  assert.deepEqual(
    rules.map(({ title }) => title),
    ['Device gone', 'Device too hot', 'Rounds failing', 'Spool filling', 'InfluxDB behind'],
  );
  for (const { title, condition, data, annotations } of rules) {
    const last = data.find(({ refId }) => refId === condition);
    assert.equal(last?.model.type, 'threshold', title);
    assert.equal(last.model.conditions?.[0]?.evaluator.params.length, 1, title);
    assert.ok(annotations.summary.length > 30, title);
  }
});

interface AlertFile {
  groups: {
    rules: {
      title: string;
      condition: string;
      annotations: { summary: string };
      data: { refId: string; model: { type?: string; conditions?: { evaluator: { params: number[] } }[] } }[];
    }[];
  }[];
}

test('a query of typed parts is InfluxQL', () => {
  const from = scoped(['fleet', 'run', 'device']);
  const rails = from('power', {
    columns: { watts: 'mean(watts)' },
    where: { rail: { not: /^total$/ }, source: 'rapl' },
    by: ['rail'],
    perInterval: true,
  });
  assert.equal(
    rails.text,
    'SELECT mean("watts") AS "watts" FROM "power" WHERE $timeFilter AND "fleet" =~ /^$fleet$/ AND ' +
      '"device" =~ /^$device$/ AND "rail" !~ /^total$/ AND "source" = \'rapl\' ' +
      'GROUP BY time($__interval), "rail" fill(none)',
  );
  assert.equal(
    over(rails, 'sum').text,
    `SELECT sum("watts") AS "watts" FROM (${rails.text}) WHERE $timeFilter`,
  );
  const share = scoped([])('telemetry', {
    columns: { filled: ['last(spool_bytes)', '/', 'last(spool_limit_bytes)'] },
    anyTime: true,
  });
  assert.equal(
    share.text,
    'SELECT last("spool_bytes") / last("spool_limit_bytes") AS "filled" FROM "telemetry"',
  );
  assert.deepEqual(share.units, { filled: 'percentunit' });
});

test('a field, a tag or a measurement that nobody writes does not compile', () => {
  const from = scoped(['fleet']);
  const parts = { columns: { a: 'count(loss)' } } as const;
  // @ts-expect-error: no such field
  from('round', { columns: { loss: 'evalLoss' } });
  // @ts-expect-error: no such field in an aggregate
  from('round', { columns: { loss: 'mean(evalLoss)' } });
  // @ts-expect-error: a field of another measurement
  from('power', { columns: { loss: 'mean(loss)' } });
  // @ts-expect-error: no such tag
  from('round', { ...parts, by: ['device'] });
  // @ts-expect-error: no such tag to pick by
  from('round', { ...parts, where: { state: 'closed' } });
  // @ts-expect-error: no such measurement
  assert.throws(() => from('rounds', parts));
});

test('what may be read from another retention policy is what is downsampled', () => {
  const policy = (name: string) => ({ name, days: 1 });
  const keeping = { raw: policy('raw'), minutes: policy('minutes'), archive: policy('archive') };
  const made = continuousQueries('d', keeping).filter(({ name }) => name.endsWith('_minutes'));
  assert.deepEqual(made.map(({ name }) => name.replace('_minutes', '')).sort(), [...downsampled].sort());
  const from = scoped(['device'], 'kept');
  assert.match(from('power', { columns: { watts: 'mean(watts)' } }).text, / FROM "\$kept"\."power" /);
  assert.match(from('training', { columns: { loss: 'mean(loss)' } }).text, / FROM "training" /);
});

test('a unit is what the table of measurements says first', () => {
  assert.equal(unitOf('power', 'watts'), 'watt');
  assert.equal(unitOf('network', 'bytes_up'), 'decbytes');
  assert.equal(unitOf('training', 'mfu'), 'percentunit');
  assert.equal(unitOf('round', 'participants'), 'short');
  const suffixes = {
    _bytes: 'decbytes',
    _percent: 'percent',
    _ms: 'ms',
    _mhz: 'suffix: MHz',
    _watts: 'watt',
  };
  for (const [name, { fields }] of Object.entries(measurements))
    for (const field of Object.keys(fields))
      for (const [suffix, unit] of Object.entries(suffixes))
        if (field.endsWith(suffix)) assert.equal(unitOf(name as 'power', field as 'watts'), unit, field);
});
