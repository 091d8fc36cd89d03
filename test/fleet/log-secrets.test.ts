import assert from 'node:assert/strict';
import { appendFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { completed, linesIn, modelMissing, startRun, withFleet } from './fleet.js';

const canary = (of: string) => `canary${of}7f3a9c`;
const secrets = ['influxpassword', 'pagepassword', 'shard', 'brokenrow'].map(canary);

/** Every service logs all that it can, has secrets, and trouble that is told with a reason. */
const env = {
  ...process.env,
  FLEETUNE_LOG_LEVEL: 'debug',
  FLEETUNE_INFLUX_URL: 'http://127.0.0.1:9',
  FLEETUNE_INFLUX_USER: 'writer',
  FLEETUNE_INFLUX_PASSWORD: canary('influxpassword'),
  FLEETUNE_PAGE_PORT: '0',
  FLEETUNE_PAGE_USER: 'viewer',
  FLEETUNE_PAGE_PASSWORD: canary('pagepassword'),
};

test('at the most verbose level no log holds a secret or a line of the text, and each line is JSON', {
  skip: modelMissing ?? false,
}, async () => {
  await withFleet(
    async (fleet) => {
      const { folder, devices, text } = fleet;
      const [first, second] = devices.map((device) => join(device.folder, 'train.jsonl')) as [string, string];
      await appendFile(
        first,
        `{"dialogue":"${canary('shard')} is at home","summary":"${canary('shard')}"}\n`,
      );
      await appendFile(second, `{"dialogue":"${canary('brokenrow')}" oops\n`);
      await startRun(fleet, 'watched', { rounds: 1, minDevices: 2 });
      await completed(fleet, 'watched');
      const logs = join(folder, 'logs');
      const names = await readdir(logs);
      assert.deepEqual(
        names.sort(),
        ['broker', 'coordinator', 'device-1', 'device-2', 'device-3'].map((n) => `${n}.log`),
      );
      assert.match(
        await readFile(join(logs, 'device-2.log'), 'utf8'),
        /not JSON/,
        'the broken row is told of',
      );
      for (const name of names) {
        const bytes = await readFile(join(logs, name));
        assert.deepEqual(
          secrets.filter((secret) => bytes.includes(secret)),
          [],
          name,
        );
        assert.deepEqual(linesIn(bytes, text), [], name);
        const levels = bytes
          .toString()
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line).level);
        assert.ok(levels.includes('debug'), `${name} is verbose`);
      }
    },
    { env },
  );
});
