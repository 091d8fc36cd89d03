import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { connectClient, type FleetClient } from '../../broker/client.js';
import { startBroker } from '../../broker/server.js';
import { coordinatorSettings, start as startCoordinator } from '../../coordinator/main.js';
import { PointPost } from '../../device/point-post.js';
import { createLog } from '../../runtime/log.js';
import { decode } from '../../schemas/codec.js';
import { requireSettings } from '../../schemas/settings.js';
import { topicsOf } from '../../schemas/topics.js';
import { createSinkTo } from '../../telemetry/sink.js';
import { options as brokerOptions, startRig } from '../broker/rig.js';
import { createInfluxd, influxdMissing } from '../telemetry/influxd.js';
import { quietly, settled, swiftly, testFolders, testLog, watts } from '../telemetry/rig.js';

const folder = testFolders('outage');
const skip = influxdMissing() ?? false;
const maxPacketBytes = 2 ** 20;

/** A device's way to the coordinator, as its agent has it, but for the shorter wait for a receipt. */
async function connectDevice(t: TestContext, url: string) {
  const post = new PointPost('test', 'd1', 300);
  const topic = topicsOf('test').telemetryReceipt('d1');
  const client: FleetClient = await connectClient(
    { url, clientId: 'd1', username: 'device', connectS: 5, maxPacketBytes },
    {
      connected: (connection) => connection.subscribe([topic]),
      disconnected: (reason) => post.lost(reason),
      message: (_, payload) => post.receipt(decode('TelemetryReceipt', payload, topic)),
    },
  );
  t.after(() => client.stop());
  return async (points: ReturnType<typeof watts>) => {
    await post.send(client, points);
    return { dropped: 0, reason: '' };
  };
}

test('no point is lost or doubled while coordinator, InfluxDB, broker and device go and come', {
  skip,
}, async (t) => {
  const { broker, url } = await startRig(t, { maxPacketBytes, maxSubscriptions: 30 });
  const influxd = await createInfluxd(folder());
  await influxd.start();
  t.after(() => influxd.stop());
  const runs = folder();
  mkdirSync(runs);
  const raw = { broker: url, fleet: 'test', runs, influxUrl: influxd.url };
  const coordinator = () => startCoordinator(requireSettings(coordinatorSettings, raw, 'test'));
  const deliver = await connectDevice(t, url);
  const spool = { ...quietly, folder: folder(), maxBytes: 1 << 20 };
  const device = (log = testLog()) => createSinkTo(deliver, spool, { ...swiftly, maxLines: 200 }, log);
  const count = async () =>
    Number((await influxd.query('fleetune', 'SELECT count(watts) FROM power'))[0]?.[1]);
  const arrived = async (points: number) => {
    for (const deadline = Date.now() + 30_000; (await count()) !== points; await wait(50))
      if (Date.now() > deadline) assert.fail(`${await count()} points in InfluxDB, expected ${points}`);
  };

  const service = await coordinator();
  const log = testLog();
  const first = await device(log);
  first.write(watts(0, 100));
  await arrived(100);

  await service.stop(); // The coordinator alone is away: the broker takes what the device hands it.
  first.write(watts(100, 1900));
  const { facts } = await log.told.find(({ message }) => message === 'points wait on disk');
  assert.match(String(facts.reason), /no coordinator answered/);
  await first.stop(); // The device starts again meanwhile.
  const second = await device();

  await influxd.stop(); // Now the coordinator has the points, and InfluxDB is away.
  const without = await coordinator();
  second.write(watts(1900, 3700));
  await settled(second, 3600);
  await without.stop();
  await influxd.start();
  const third = await coordinator();
  t.after(() => third.stop());
  await arrived(3700);

  await broker.stop();
  second.write(watts(3700, 3800));
  const quiet = createLog('broker', () => undefined);
  const back = await startBroker({ ...brokerOptions, maxPacketBytes, port: broker.port }, quiet);
  t.after(() => back.stop());
  await arrived(3800);
  await second.stop();
  const rows = await influxd.query('fleetune', 'SELECT watts, device, fleet FROM power ORDER BY time');
  const expected = watts(0, 3800).map(({ timeMs, fields }) => [timeMs, fields.watts, 'd1', 'test']);
  assert.deepEqual(rows, expected);
  assert.deepEqual([first.counts.dropped, second.counts.dropped], [0, 0]);
});
