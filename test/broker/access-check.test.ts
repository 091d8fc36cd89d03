import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rules } from '../../broker/access.js';
import { checkAccess } from './access-check.js';
import { everyTopic } from './access-topics.js';
import { ownBroker } from './checked-brokers.js';
import { missingMosquitto, withMosquitto } from './mosquitto.js';
import { startRig } from './rig.js';

test('every topic × role × direction comes out at the broker as the rules say', async (t) => {
  const { url } = await startRig(t);
  const { allowed, refused, wrong } = await checkAccess(ownBroker(url));
  assert.deepEqual(wrong, []);
  assert.ok(allowed > 100 && refused > 400, `${allowed} and ${refused}`);
});

test('every topic × role × direction comes out at a Mosquitto with the rendered rules as they say', {
  skip: missingMosquitto ?? false,
}, async () => {
  const { allowed, refused, wrong } = await withMosquitto(checkAccess);
  assert.deepEqual(wrong, []);
  assert.ok(allowed > 100 && refused > 400, `${allowed} and ${refused}`);
});

test('the check finds what a file gives too much and too little', {
  skip: missingMosquitto ?? false,
}, async () => {
  const changed = (acl: string) => acl.replace('devices/%u/telemetry\n', 'devices/+/telemetry\n');
  const { wrong } = await withMosquitto(checkAccess, (acl) =>
    changed(acl).replace(/topic read .*rounds\/status/, ''),
  );
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
  assert.equal(everyTopic().topics.length, 6 * 2 + 4 + 5);
});
