import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connectClient } from '../../broker/client.js';
import { Announcer } from '../../coordinator/announcer.js';
import { topicsOf } from '../../schemas/topics.js';
import { missingMosquitto, startMosquitto } from '../broker/mosquitto.js';
import { until } from './fleet.js';

const topics = topicsOf('default');
const echoMs = 500;

/** What a coordinator is warned of at a real Mosquitto with these rules, as soon as it has said that it is there. */
async function warnings(t: TestContext, rules: (acl: string) => string): Promise<string[]> {
  const broker = await startMosquitto(t, rules);
  const { tls, ...login } = broker.login('coordinator', 'coordinator');
  const warned: string[] = [];
  const log = { debug() {}, info() {}, error() {}, warn: (text: string) => void warned.push(text) };
  const announcer = new Announcer(topics, log, 'this one', echoMs);
  let isSaid = false;
  const client = await connectClient(
    { url: broker.url, ...login, secrets: () => ({ tls: tls! }), connectS: 10, maxPacketBytes: 2 ** 20 },
    {
      async connected(connection) {
        await connection.subscribe([topics.roundsCoordinator]);
        announcer.connected(connection);
        isSaid = true;
      },
      message: (_topic, payload, retained) => announcer.heard(payload, retained),
    },
  );
  t.after(() => client.stop());
  await until(() => isSaid, 'what it says');
  await pause(2 * echoMs);
  return warned;
}

test('a coordinator that its broker lets in and does not let speak says so, and no other', {
  skip: missingMosquitto ?? false,
}, async (t) => {
  assert.deepEqual(await warnings(t, (acl) => acl), []);
  const [warning, ...more] = await warnings(t, (acl) => acl.replace('user coordinator', 'user somebody'));
  assert.match(warning!, /does not come back from the broker: do its rules know this name/);
  assert.deepEqual(more, []);
});
