import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelMissing } from '../fleet/fleet.js';
import { influxdMissing } from '../telemetry/influxd.js';
import { findingsText, isWhole } from './live-check.js';
import { checkDashboards } from './live-fleet.js';

const skip = influxdMissing() ?? modelMissing ?? false;

test('a fleet’s run leaves rows for every query of every panel, variable and alert, and every field of the table', {
  skip,
}, async () => {
  const findings = await checkDashboards();
  assert.ok(findings.answers.length > findings.panels, 'nothing was asked');
  assert.ok(isWhole(findings), findingsText(findings));
});
