import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { influxdMissing } from '../telemetry/influxd.js';
import { findingsText, isWhole } from './live-check.js';
import { checkDashboards } from './live-fleet.js';
import { sketch } from './sketch.js';

/**
 * `npm run check:dashboards`: every query of every panel and alert must return rows. `-- --list` tells of each,
 * `-- --sketch FILE` draws the dashboards with what was answered.
 */
const missing = influxdMissing();
if (missing) {
  console.error(`check:dashboards: ${missing}`);
  process.exit(1);
}
const { values: flags } = parseArgs({ options: { sketch: { type: 'string' }, list: { type: 'boolean' } } });
const findings = await checkDashboards();
if (flags.list)
  for (const { where, series, rows } of findings.answers)
    console.log(`${where}: ${series.length} series, ${rows} rows`);
if (flags.sketch) writeFileSync(flags.sketch, sketch(findings));
console.log(findingsText(findings));
process.exitCode = isWhole(findings) ? 0 : 1;
