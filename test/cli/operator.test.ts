import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectClient } from '../../broker/client.js';
import { connectOperator } from '../../cli/operator.js';
import { watchRuns } from '../../cli/run-watch.js';
import { encode } from '../../schemas/codec.js';
import { topicsOf } from '../../schemas/topics.js';
import { fleetune } from './command.js';
import { withCoordinator } from './services.js';

const settings = (broker: string) => ({ broker, fleet: 'default', password: '', connectS: 5 });

test('a run is triggered, refused while another is on, stopped, and its end is heard', async () => {
  await withCoordinator(async (broker) => {
    const watch = await watchRuns(settings(broker));
    const { run, known } = await watch.start({ id: 'first', settings: { rounds: 3 } });
    assert.equal(known, null);
    assert.equal(watch.state().status?.run, run);
    assert.equal(watch.state().status?.rounds, 3);
    await assert.rejects(watch.start({ id: 'second', settings: {} }), /refused the trigger: run .* is on/);
    await assert.rejects(
      watch.start({ id: 'third', settings: { rounds: 'x' } }),
      /refused the trigger: .*rounds/,
    );
    assert.deepEqual(await watch.start({ id: 'first', settings: {} }), { run, known: 'on' });
    const stopped = await watch.stop();
    const summary = await watch.ended('first');
    assert.deepEqual([summary.run, summary.state, summary.trigger.id], [run, 'stopped', 'first']);
    assert.deepEqual(stopped, summary);
    await assert.rejects(watch.stop(), { name: 'Refusal', message: 'nothing was stopped: no run is on' });
    assert.deepEqual(await watch.start({ id: 'first', settings: {} }), { run, known: 'ended' });
    await watch.operator.close();
  });
});

test('rounds start, status, devices and rounds stop speak to the coordinator', async () => {
  await withCoordinator(async (broker) => {
    const at = ['--broker', broker];
    const started = await fleetune(['rounds', 'start', ...at, '--id', 'a1', '--steps', '3', '--json']);
    assert.equal(started.code, 0, started.err);
    const { id, run } = JSON.parse(started.out) as { id: string; run: string };
    assert.equal(id, 'a1');
    const status = JSON.parse((await fleetune(['status', ...at, '--json'])).out) as Record<string, unknown>;
    assert.deepEqual(
      [status.run, status.rounds, status.state],
      [run, 2, 'waiting'],
      'the coordinator’s own rounds',
    );
    assert.match((await fleetune(['status', ...at])).out, new RegExp(`^run ${run}: `));
    assert.equal((await fleetune(['devices', ...at, '--json'])).out, '[]\n');
    assert.equal((await fleetune(['devices', ...at])).out, 'no device yet\n');
    const again = ['rounds', 'start', ...at, '--id', 'a1'];
    assert.deepEqual(await fleetune(again), { code: 0, out: `id a1 is run ${run}, which is on\n`, err: '' });
    const following = fleetune([...again, '--wait', '--json']);
    const stopped = await fleetune(['rounds', 'stop', ...at]);
    assert.deepEqual([stopped.code, stopped.err], [0, '']);
    assert.match(
      stopped.out,
      new RegExp(`^run ${run} stopped: stopped by an operator \\(0 rounds done\\)\n$`),
    );
    assert.equal(JSON.parse((await following).out).run, run);
    assert.equal((await fleetune(again)).out, `id a1 is run ${run}, which has ended as stopped\n`);
    const idle = await fleetune(['rounds', 'stop', ...at]);
    assert.deepEqual([idle.code, idle.err], [1, 'fleetune: nothing was stopped: no run is on\n']);
    const { out: ended } = await fleetune(['status', ...at]);
    assert.equal(ended.split('stopped by an operator').length, 2, ended);
    const refused = await fleetune(['rounds', 'start', ...at, '--rounds', '0']);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /--rounds: "0" is not a whole number from 1/);
  });
});

test('an id whose run has been followed by others is answered with its run', async () => {
  await withCoordinator(async (broker) => {
    const watch = await watchRuns(settings(broker));
    const { run } = await watch.start({ id: 'old', settings: {} });
    await watch.stop();
    await watch.start({ id: 'new', settings: {} });
    await watch.stop();
    await watch.operator.close();
    const { code, out } = await fleetune(['rounds', 'start', '--broker', broker, '--id', 'old', '--wait']);
    assert.deepEqual([code, out], [0, `id old is run ${run}, which has ended\n`]);
  });
});

test('rounds stop where no coordinator ever was says so', async () => {
  await withCoordinator(async (broker) => {
    const { code, err } = await fleetune(['rounds', 'stop', '--broker', broker, '--fleet', 'empty']);
    assert.equal(code, 1);
    assert.match(err, /^fleetune: no coordinator has said anything here/);
  });
});

test('a run that is waited for and does not complete ends the command with exit code 1', async () => {
  await withCoordinator(async (broker) => {
    const { code, err } = await fleetune(['rounds', 'start', '--broker', broker, '--wait', '--wait-s', '0']);
    assert.equal(code, 1);
    assert.match(err, /^fleetune: run \S+ (failed|stopped): .+\n$/);
  });
});

test('what a device says of itself commands no terminal, and makes no line of its own, where a run has failed', async () => {
  await withCoordinator(async (broker) => {
    const handlers = { connected: async () => undefined, message: () => undefined };
    const way = { url: broker, clientId: 'a', username: 'device', connectS: 5, maxPacketBytes: 2 ** 20 };
    const device = await connectClient(way, handlers);
    const presence = { deviceId: 'a', session: 1, online: true, modelSha256: '', version: '1' };
    const problem = '\u001b]0;owned\u0007\u009b2J\r\nfleetune: all is well';
    const counts = { trainExamples: 1, evaluationExamples: 0 };
    const said = encode('Presence', { ...presence, ...counts, problem });
    await device.publish(topicsOf('default').presence('a'), said, { retain: true });
    const { err } = await fleetune(['rounds', 'start', '--broker', broker, '--wait', '--wait-s', '1']);
    await device.stop();
    assert.match(err, /^fleetune: run .*a: .*owned.*fleetune: all is well.*\n$/);
    assert.doesNotMatch(err, /(?!\n)\p{Cc}/u);
  });
});

test('without a broker the address is named, in a line', async () => {
  await assert.rejects(connectOperator({ ...settings('mqtt://127.0.0.1:1'), connectS: 0.2 }, {}), {
    name: 'Refusal',
    message: /no broker answered at mqtt:\/\/127\.0\.0\.1:1 .*--broker/,
  });
});
