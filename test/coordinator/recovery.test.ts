import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encode } from '../../schemas/codec.js';
import { Refusal } from '../../schemas/refusal.js';
import { topicsOf } from '../../schemas/topics.js';
import { device as presenceOf } from './entries.js';
import { Fleet, until } from './fleet.js';
import { fleet, type Script } from './scripted-device.js';

const two: Script[] = [
  { id: 'a', step: 0.25, examples: 1 },
  { id: 'b', step: -0.5, examples: 3 },
];
const script = fileURLToPath(new URL('./coordinator-process.js', import.meta.url));

/**
 * A coordinator service that is killed −9 whenever its journal has grown by `every` lines, and started again.
 */
async function killed(made: Fleet, first: number, every: number): Promise<number> {
  const settings = { broker: made.url, fleet, runs: made.folder, settleS: 1, rounds: 2, minDevices: 2 };
  let kills = 0;
  for (let next = first; ; next += every) {
    const child: ChildProcess = fork(script, [JSON.stringify({ ...settings, optimizer: 'fedadam' })], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const exit = once(child, 'exit');
    await once(child, 'message');
    if ((await made.runs()).length < 2) await made.trigger();
    await until(
      async () => made.results.length > 0 || (await lines(made)) >= next,
      `line ${next} or the end`,
    );
    child.kill('SIGKILL');
    await exit;
    if (made.results.length > 0) return kills;
    kills++;
  }
}

async function lines(made: Fleet): Promise<number> {
  for (const run of await made.runs()) {
    const text = await readFile(join(made.folder, run, 'journal.jsonl'), 'utf8').catch(() => '');
    if (text !== '') return text.split('\n').length - 1;
  }
  return 0;
}

async function fleetOfTwo(t: TestContext): Promise<Fleet> {
  const made = await Fleet.start(t);
  for (const one of two) await made.device(one);
  return made;
}

test('a coordinator killed again and again ends with the adapter of an undisturbed run', async (t) => {
  const undisturbed = await fleetOfTwo(t);
  await undisturbed.coordinator({ defaults: { rounds: 2, minDevices: 2, optimizer: 'fedadam' } });
  await undisturbed.trigger();
  const expected = await undisturbed.result();
  assert.equal(expected.adapter?.version, 2);
  for (const first of [1, 3]) {
    const made = await fleetOfTwo(t);
    const kills = await killed(made, first, 5);
    const summary = await made.result();
    assert.ok(kills >= 4, `${kills} kills`);
    assert.equal(summary.state, 'completed');
    assert.deepEqual(summary.adapter, expected.adapter);
    assert.deepEqual(
      summary.rounds.map((r) => [r.participants, r.trainLoss, r.evalLoss, r.sha256]),
      expected.rounds.map((r) => [r.participants, r.trainLoss, r.evalLoss, r.sha256]),
    );
  }
});

/** Two devices, of which `b` answers no training while `hold`. */
async function fleetThatIsHeld(t: TestContext) {
  const made = await Fleet.start(t);
  await made.device(two[0]!);
  const held = { made, hold: true };
  const b = await made.device({
    ...two[1]!,
    change: (u, task) => (held.hold && task.key.kind === 'train' ? null : u),
  });
  return Object.assign(held, { b });
}

test('a clock that is set, forward or back, neither ends a round nor holds up a run', async (t) => {
  const held = await fleetThatIsHeld(t);
  const { made, b } = held;
  let setByMs = 0;
  const clock = () => Date.now() + setByMs;
  const uptime = () => performance.now();
  const defaults = { rounds: 1, minDevices: 2, deadlineS: 600 };
  await made.coordinator({ clock, uptime, resendMs: 100, settleMs: 500, defaults });
  setByMs = -3_600_000;
  await made.trigger();
  const hasTrained = () => b.tasks.filter((task) => task.key.kind === 'train').length;
  for (const ms of [3_600_000, -7_200_000]) {
    const before = hasTrained();
    await until(() => made.status?.received.join() === 'a' && hasTrained() > before, 'b is asked');
    setByMs = ms;
  }
  const before = hasTrained();
  await until(() => hasTrained() > before, 'b is asked again');
  held.hold = false;
  const { state, rounds } = await made.result();
  assert.equal(state, 'completed');
  assert.deepEqual(rounds[0]!.participants, ['a', 'b']);
  assert.ok(rounds[0]!.seconds >= 0 && rounds[0]!.seconds < 600, `${rounds[0]!.seconds} s`);
});

test('what was retained of a device and comes behind its own word changes nothing', async (t) => {
  const made = await Fleet.start(t);
  const { coordinator } = await made.coordinator();
  const { message } = coordinator.handlers;
  const word = (online: boolean) =>
    encode('Presence', { ...presenceOf('late'), modelSha256: 'a'.repeat(64), online });
  const topic = topicsOf(fleet).presence('late');
  const isOnline = () => coordinator.live.presences.get('late')?.online;
  await message(topic, word(true), true);
  await message(topic, word(false), false);
  await message(topic, word(true), true);
  assert.equal(isOnline(), false);
  await message(topic, word(true), false);
  assert.equal(isOnline(), true);
});

test('a broker that comes back with nothing in the middle of a round gets all it needs again', async (t) => {
  const held = await fleetThatIsHeld(t);
  const { made, b } = held;
  await made.coordinator({ defaults: { minDevices: 2 } });
  await made.trigger();
  await until(
    () => made.status?.state === 'training' && made.status.received.join() === 'a',
    'a has answered',
  );
  const before = b.tasks.length;
  await made.restartBroker();
  held.hold = false;
  await until(() => b.tasks.length > before, 'the task is told again');
  const summary = await made.result();
  assert.equal(summary.state, 'completed');
  assert.deepEqual(
    summary.rounds.map((r) => r.participants),
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
  );
});

for (const away of [false, true])
  test(`a device that is stopped ${away ? 'while the coordinator is away ' : ''}is not waited for until the deadline`, async (t) => {
    const made = await Fleet.start(t);
    await made.device(two[0]!);
    const b = await made.device({ ...two[1]!, change: (u, task) => (task.key.kind === 'train' ? null : u) });
    const defaults = { rounds: 1, minDevices: 2, quorum: 0.5, deadlineS: 600 };
    const { stop } = await made.coordinator({ defaults });
    await made.trigger();
    await until(
      () => made.status?.state === 'training' && made.status.received.join() === 'a',
      'a has answered',
    );
    if (away) await stop();
    await b.leave();
    if (away) await made.coordinator({ defaults });
    const { state, rounds } = await made.result();
    assert.equal(state, 'completed');
    assert.deepEqual(
      rounds.map(({ participants, refused }) => ({ participants, refused })),
      [{ participants: ['a'], refused: { b: 'the device was stopped' } }],
    );
  });

test('a device that is stopped and started again in mid-round is asked again, though nobody else is waited for', async (t) => {
  const made = await Fleet.start(t);
  await made.device(two[0]!);
  const b = await made.device({ ...two[1]!, change: (u, task) => (task.key.kind === 'train' ? null : u) });
  await made.coordinator({ settleMs: 10_000, defaults: { rounds: 1, minDevices: 2, deadlineS: 600 } });
  await made.trigger();
  await until(
    () => made.status?.state === 'training' && made.status.received.join() === 'a',
    'a has answered',
  );
  await b.leave();
  await made.device(two[1]!);
  const { state, rounds } = await made.result();
  assert.equal(state, 'completed');
  assert.deepEqual([rounds[0]!.participants, rounds[0]!.refused], [['a', 'b'], {}]);
});

test('time in which the coordinator was away does not count against a deadline', async (t) => {
  const held = await fleetThatIsHeld(t);
  const { made } = held;
  let skewMs = 0;
  const setup = { clock: () => Date.now() + skewMs, defaults: { minDevices: 2, quorum: 1, deadlineS: 60 } };
  const first = await made.coordinator(setup);
  await made.trigger();
  await until(() => trained(made) === 'a', 'a has answered');
  await first.stop();
  skewMs = 3_600_000;
  held.hold = false;
  await made.coordinator(setup);
  const summary = await made.result();
  assert.deepEqual(summary.rounds[0]!.participants, ['a', 'b']);
  const resumed = (await made.journal(summary.run)).find((entry) => entry.kind === 'resumed');
  assert.ok(Math.abs((resumed?.downtimeMs as number) - 3_600_000) < 10_000);
});

test('an accepted update is receipted again after a restart, and not counted twice', async (t) => {
  const made = await Fleet.start(t);
  const a = await made.device(two[0]!);
  await made.device({ ...two[1]!, change: (u, task) => (task.key.kind === 'train' ? null : u) });
  const first = await made.coordinator({ defaults: { minDevices: 2 } });
  await made.trigger();
  await until(() => trained(made) === 'a', 'a has answered');
  await first.stop();
  const accepted = () => a.receipts.filter((r) => r.state === 'accepted' && r.key.kind === 'train').length;
  const before = accepted();
  await made.coordinator({ defaults: { minDevices: 2 } });
  a.offer(a.tasks.find((task) => task.key.kind === 'train')!.key);
  await until(() => accepted() > before, 'the receipt again');
  assert.deepEqual(made.status?.received, ['a']);
});

test('a run stopped while a version was made leaves the adapter that its summary names', async (t) => {
  const made = await fleetOfTwo(t);
  const first = await made.coordinator({ defaults: { minDevices: 2 } });
  await made.trigger();
  const { run } = await made.result();
  await first.stop();
  // As a crash leaves it: version 2 is on disk, the journal says that the run was stopped before it was made.
  const whole = await made.journal(run);
  const before = whole.slice(
    0,
    whole.findLastIndex(({ kind }) => kind === 'made'),
  );
  const ended = { kind: 'ended', atMs: Date.now(), state: 'stopped', reason: 'enough' };
  const journal = join(made.folder, run, 'journal.jsonl');
  await writeFile(journal, [...before, ended].map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  await rm(join(made.folder, run, 'summary.json'));
  made.results.length = 0;
  await made.coordinator();
  const { adapter } = await made.result();
  const bytes = await readFile(join(made.folder, run, 'adapter', 'adapter_model.safetensors'));
  assert.deepEqual(
    [adapter?.version, adapter?.sha256],
    [1, createHash('sha256').update(bytes).digest('hex')],
  );
});

test('a run of another fleet that is open in the folder is refused by name', async (t) => {
  const made = await Fleet.start(t);
  const first = await made.coordinator();
  await made.trigger();
  await until(() => made.status?.state === 'waiting', 'a run is open');
  await first.stop();
  await assert.rejects(
    made.coordinator({ fleet: 'other' }),
    refusal(new RegExp(`open run of fleet ${fleet}, expected other: use another --runs folder`)),
  );
});

test('a damaged journal, or an adapter that is not the journal’s, is refused by name', async (t) => {
  const made = await Fleet.start(t);
  await made.device(two[0]!);
  await made.device({ ...two[1]!, change: (u, task) => (task.key.kind === 'train' ? null : u) });
  const first = await made.coordinator({ defaults: { minDevices: 2 } });
  await made.trigger();
  await until(() => made.status?.state === 'training', 'training');
  await first.stop();
  const [run] = await made.runs();
  const version = join(made.folder, run!, 'versions', '0.safetensors');
  const journal = join(made.folder, run!, 'journal.jsonl');
  const bytes = await readFile(version);
  await writeFile(version, bytes.subarray(0, 50));
  await assert.rejects(
    made.coordinator(),
    refusal(/0\.safetensors is not the adapter that the journal names/),
  );
  await writeFile(version, bytes);
  const whole = await readFile(journal, 'utf8');
  await writeFile(journal, whole.replace('"kind"', '"kin'));
  await assert.rejects(made.coordinator(), refusal(/journal\.jsonl: line 1 is damaged/));
  await writeFile(journal, whole.split('\n').toSpliced(1, 1).join('\n'));
  await assert.rejects(made.coordinator(), refusal(/not those of one run/));
});

/** Who has answered the open training, by the retained status. */
const trained = ({ status }: Fleet) => (status?.state === 'training' ? status.received.join() : '');

const refusal = (message: RegExp) => (error: unknown) =>
  error instanceof Refusal && message.test(error.message);
