import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rules } from '../../broker/access.js';
import { checkAccess } from './access-check.js';
import { everyTopic } from './access-topics.js';
import { openBroker, securedBroker } from './checked-brokers.js';
import { missingMosquitto, startMosquitto } from './mosquitto.js';

const skip = missingMosquitto ?? false;

test('every topic × role × direction comes out at the broker as the rules say', async (t) => {
  const { allowed, refused, wrong } = await checkAccess(await openBroker(t));
  assert.deepEqual(wrong, []);
  assert.ok(allowed > 100 && refused > 400, `${allowed} and ${refused}`);
});

test('where a certificate says who somebody is, every role receives what the rules say, and ends no session of another', async (t) => {
  const { allowed, refused, wrong } = await checkAccess(await securedBroker(t));
  assert.deepEqual(wrong, []);
  assert.ok(allowed > 50 && refused > 90, `${allowed} and ${refused}`);
});

test('it comes out as well at a Mosquitto with the rendered rules', { skip }, async (t) => {
  const { allowed, refused, wrong } = await checkAccess(await startMosquitto(t));
  assert.deepEqual(wrong, []);
  assert.ok(allowed > 100 && refused > 400, `${allowed} and ${refused}`);
});

test('the check finds what a file gives too much and too little', { skip }, async (t) => {
  const changed = (acl: string) =>
    acl.replace('%u/telemetry\n', '+/telemetry\n').replaceAll(/topic read .*rounds\/status\n/g, '');
  const { wrong } = await checkAccess(await startMosquitto(t, changed));
  const found = (pattern: RegExp) => wrong.some((line) => pattern.test(line));
  assert.ok(found(/device publishes \S+board-2\/telemetry: allowed/), wrong.join('\n'));
  assert.ok(found(/coordinator receives \S+rounds\/status \(live\): refused/), wrong.join('\n'));
});

test('a topic that nothing rules, and a rule that nothing builds, are told', () => {
  const { telemetry } = rules;
  Reflect.deleteProperty(rules, 'telemetry');
  try {
    assert.throws(everyTopic, /telemetry builds \S+, which has no rule/);
  } finally {
    rules.telemetry = telemetry;
  }
  assert.equal(everyTopic().topics.length, 6 * 2 + 4 + 6);
});
