import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createTrainer, type Trainer } from '../../device/trainer.js';
import { readOomKills } from '../../device/trainer-ending.js';
import type { Task } from '../../schemas/messages.js';
import type { NamedTensors } from '../../schemas/tensors.js';
import { taskOf } from './fixtures.js';

/** The built-in model, 8 rows of 512 + 95 tokens: a step takes 470 MiB, one of 4 rows 270. */
const script = fileURLToPath(new URL('./limited-trainer.js', import.meta.url));
const engine = { threads: 1, memory: 'fast', baseBits: '32', recompute: false, provider: 'cpu' } as const;
const MiB = 2 ** 20;
const folder = mkdtempSync(join(tmpdir(), 'fleetune-memory-'));
after(() => rmSync(folder, { recursive: true }));

const shard = { path: join(folder, 'shard.json'), dialogueField: '', summaryField: '' };
const leaks = (i: number) =>
  Array.from({ length: 120 }, (_, k) => `Ann: The pump ${k} in hall ${i} leaks again.`).join('\n');
const rows = Array.from({ length: 8 }, (_, i) => ({
  dialogue: leaks(i),
  summary: `Bob changes the seal of the pump in hall ${i}. `.repeat(8),
}));
writeFileSync(shard.path, JSON.stringify(rows));

const task: Task = taskOf(
  {},
  {
    lora: { rank: 4, alpha: 8, targets: ['q', 'v'] },
    text: { prefix: 'summarize: ', maxSourceTokens: 512, maxTargetTokens: 95 },
    training: { ...taskOf().training, batchSize: 8, steps: 2, epochs: 2 },
  },
);

const newTrainer = () => createTrainer({ model: 'builtin/model', engine, idleS: 60, script });

/** A task done in a process under a limit (`data:BYTES` or `group:FOLDER`), or under none. */
async function done(limit: string, trainer: Trainer = newTrainer(), progress = () => {}) {
  process.env.FLEETUNE_TEST_LIMIT = limit;
  try {
    const adapter = await trainer.init(taskOf({ kind: 'init' }, { lora: task.lora }));
    return await trainer.train(task, adapter, shard, progress);
  } finally {
    delete process.env.FLEETUNE_TEST_LIMIT;
    await trainer.stop();
  }
}

let unlimited: ReturnType<typeof done> | undefined;

async function requireSame(short: { delta: NamedTensors; measures: { loss: number; outOfMemory?: object } }) {
  unlimited ??= done('');
  const { delta, measures } = await unlimited;
  assert.equal(measures.outOfMemory, undefined);
  assert.deepEqual(short.measures.outOfMemory, { rows: 8, source: 512, target: 96, microBatch: 4 });
  assert(Math.abs(short.measures.loss / measures.loss - 1) < 1e-6, 'the loss of the whole batch');
  for (const [name, { data }] of delta) {
    const found = short.delta.get(name)!.data;
    const norm = (x: Float32Array) => Math.hypot(...x);
    assert(norm(found.map((x, i) => x - data[i]!)) <= 1e-3 * norm(data), name);
  }
}

const prlimit = works(() => execFileSync('prlimit', ['--version'])) ? false : 'no prlimit here';
test('a task whose batch gets no memory goes on with half of it at a time', { skip: prlimit }, async () => {
  await requireSame(await done(`data:${480 * MiB}`));
});

test('where one row gets no memory, the task fails with what would need less', {
  skip: prlimit,
}, async () => {
  await assert.rejects(
    done(`data:${160 * MiB}`),
    /^Refusal: out of memory with 1 row of 512 \+ 96 tokens; \d+ MB are free now\. What needs less: --memory small/,
  );
});

const group = newGroup();
test('a task whose trainer the kernel kills for memory goes on with half of the batch at a time', {
  skip: group ? false : 'no memory group (version 1) can be made here',
}, async () => {
  try {
    const before = readOomKills()!;
    writeFileSync(join(group!, 'memory.limit_in_bytes'), String(380 * MiB));
    await requireSame(await done(`group:${group}`));
    assert(readOomKills()! > before, 'the kernel has killed');
  } finally {
    rmdirSync(group!);
  }
});

test('a trainer that somebody kills in mid-step has not run out of memory, and is the kernel’s first choice', async (t) => {
  if (readOomKills() === undefined) return t.skip('the kernel does not count here');
  const trainer = newTrainer();
  const kill = () => {
    assert.equal(readFileSync(`/proc/${trainer.pid}/oom_score_adj`, 'utf8').trim(), '800');
    process.kill(trainer.pid!, 'SIGKILL');
  };
  await assert.rejects(
    done('', trainer, kill),
    /killed \(SIGKILL\), and not by the kernel for want of memory/,
  );
});

/** A memory group below this process's own, which keeps what stands above it in force; undefined: not allowed. */
function newGroup(): string | undefined {
  const own = works(() => readFileSync('/proc/self/cgroup', 'utf8'))?.match(/^\d+:memory:(.*)$/m)?.[1];
  if (own === undefined) return undefined;
  const path = join('/sys/fs/cgroup/memory', own, `fleetune-test-${process.pid}`);
  const made = works(() => mkdirSync(path) ?? path);
  return made !== undefined && existsSync(join(path, 'memory.limit_in_bytes')) ? path : undefined;
}

function works<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
