import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createTrainer } from '../../device/trainer.js';
import { readOomKills } from '../../device/trainer-ending.js';
import type { Progress } from '../../device/trainer-messages.js';
import { taskOf, tensorsOf } from './fixtures.js';

const script = fileURLToPath(new URL('./trainer-child.js', import.meta.url));
const engine = { threads: 1, memory: 'fast', baseBits: '32', recompute: false, provider: 'cpu' } as const;
const trainerOf = (idleS = 60) => createTrainer({ model: '/no/model', engine, idleS, script });
const telling = (prefix: string) => taskOf({}, { text: { ...taskOf().text, prefix } });
const shard = { path: '/no/file', dialogueField: '', summaryField: '', limit: 1 };

/** Ends when no process has this id any more. */
async function gone(pid: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    if (Date.now() > deadline) assert.fail(`process ${pid} still runs`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('a job goes to a process of its own, tells its progress and brings its tensors back', async (t) => {
  const trainer = trainerOf();
  t.after(() => trainer.stop());
  assert.equal(trainer.pid, undefined);
  const steps: Progress[] = [];
  const adapter = tensorsOf(3);
  const { delta, measures } = await trainer.train(taskOf(), adapter, shard, (p) => steps.push(p));
  assert.deepEqual(delta, adapter);
  assert.equal(measures.examples, 1);
  assert.deepEqual(
    steps.map((p) => p.step),
    [1, 2],
  );
  assert.notEqual(trainer.pid, process.pid);
  assert.ok(trainer.peakRssBytes! > 1e6);
});

test('jobs that follow soon share the process, which ends when it idles', async (t) => {
  const trainer = trainerOf(0.05);
  t.after(() => trainer.stop());
  await trainer.init(taskOf({ kind: 'init' }));
  const pid = trainer.pid!;
  assert.equal((await trainer.evaluate(taskOf(), tensorsOf(1), shard)).steps, pid);
  await gone(pid);
  assert.notEqual((await trainer.evaluate(taskOf(), tensorsOf(1), shard)).steps, pid);
});

test('a process that was told to go, and is not gone yet, gets no job', async (t) => {
  const trainer = trainerOf();
  t.after(() => trainer.stop());
  await trainer.init(taskOf());
  const pid = trainer.pid!;
  const stopping = trainer.stop();
  assert.notEqual((await trainer.evaluate(taskOf(), tensorsOf(1), shard)).steps, pid);
  await stopping;
  assert.notEqual((await trainer.evaluate(taskOf(), tensorsOf(1), shard)).steps, pid);
});

test('a process that dies costs the job alone, and is not said to want memory where the kernel counts', async (t) => {
  const trainer = trainerOf();
  t.after(() => trainer.stop());
  if (readOomKills() !== undefined)
    await assert.rejects(trainer.init(telling('killed')), /killed \(SIGKILL\), and not by the kernel/);
  await assert.rejects(trainer.init(telling('exit')), /ended before its answer \(exit code 3\)/);
  await assert.rejects(trainer.init(telling('fail')), /^Error: no such model: \/no\/model$/);
  assert.deepEqual(await trainer.init(taskOf()), new Map());
});

test('a job that runs out of memory begins again with half the rows until it fits; the next starts there', async (t) => {
  const warnings: unknown[] = [];
  const log = { info() {}, warn: (...warning: unknown[]) => void warnings.push(warning) };
  const trainer = createTrainer({ model: '', engine, idleS: 60, script, log });
  t.after(() => trainer.stop());
  const task = telling('refuse more than 2 rows');
  const { measures } = await trainer.train(task, tensorsOf(1), shard, () => {});
  const shortage = { rows: 4, source: 64, target: 16, microBatch: 2 };
  assert.deepEqual(measures.outOfMemory, shortage);
  assert.equal(warnings.length, 2);
  const [pid] = [measures.steps];
  const again = await trainer.train(task, tensorsOf(1), shard, () => {});
  assert.deepEqual(again.measures.outOfMemory, shortage);
  assert.equal(again.measures.steps, pid, 'in the same process');
  const other = await trainer.train(telling(''), tensorsOf(1), shard, () => {});
  assert.equal(other.measures.outOfMemory?.microBatch, 2, 'a text of the same limits');
  const longer = { ...task.text, maxSourceTokens: 65 };
  await trainer.train({ ...task, text: longer }, tensorsOf(1), shard, () => {});
  assert.equal(warnings.length, 4, 'another limit is learned by itself');
});

test('where one row does not fit, the failure names it and what needs less memory', async (t) => {
  const trainer = trainerOf();
  t.after(() => trainer.stop());
  await assert.rejects(trainer.evaluate(telling('die of one row'), tensorsOf(1), shard), (error: Error) => {
    assert.match(
      error.message,
      /^out of memory with 1 row of 64 \+ 16 tokens; \d+ MB are free now\. .*\(SIGABRT\)$/,
    );
    assert.match(
      error.message,
      /--memory small, --recompute, --base-bits 4, a run of a lower maxSourceTokens/,
    );
    return true;
  });
});

test('a process that is worn out takes no other job, and the log says why', async (t) => {
  const told: unknown[] = [];
  const log = { info: (_message: string, facts?: object) => void told.push(facts), warn() {} };
  const trainer = createTrainer({ model: '', engine, idleS: 60, script, log });
  t.after(() => trainer.stop());
  const { steps } = await trainer.evaluate(telling('worn'), tensorsOf(1), shard);
  await gone(steps);
  assert.deepEqual(told, [{ reason: 'it has done enough' }]);
  assert.notEqual((await trainer.evaluate(telling(''), tensorsOf(1), shard)).steps, steps);
});

test('stop ends a job that never ends, and the process of it', async () => {
  const trainer = trainerOf();
  let ended: Promise<void> | undefined;
  const job = trainer.train(telling('hang'), tensorsOf(1), shard, () => {
    const pid = trainer.pid!;
    ended = trainer.stop().then(() => gone(pid));
  });
  await assert.rejects(job, /the trainer was stopped/);
  await ended;
  assert.deepEqual(await trainer.init(taskOf()), new Map());
  await trainer.stop();
  assert.equal(trainer.pid, undefined);
});

test('a script that is not there rejects the job', async () => {
  const trainer = createTrainer({ model: '', engine, idleS: 60, script: '/no/such/script.js' });
  await assert.rejects(trainer.init(taskOf()), /ended before its answer \(exit code 1\)/);
});
