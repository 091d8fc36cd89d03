/** The trainer: a process of its own, because a training step blocks the event loop and may run out of memory. */
import { writeFileSync } from 'node:fs';
import { createLog, type Log } from '../runtime/log.js';
import type { Measures } from '../schemas/messages.js';
import type { NamedTensors } from '../schemas/tensors.js';
import { type Engine, openEngine, type Padded, Refusal, type StepReport } from './engine/engine.js';
import { readExamples } from './shards.js';
import { speaksOfMemory } from './trainer-ending.js';
import type { TrainerJob, TrainerReply, TrainerRequest, TrainerResult } from './trainer-messages.js';
import { residentBytes, type Wear, wornOut } from './trainer-wear.js';

/** Of 1000: where the machine's memory is short, the kernel takes the trainer before any service. */
const oomScore = '800';

let engine: Promise<Engine> | undefined;
let level: Wear | undefined;

try {
  writeFileSync('/proc/self/oom_score_adj', oomScore);
} catch {
  // Not a Linux, or it allows nobody to say so.
}

process.on('disconnect', () => process.exit(0)); // The device service is gone: nobody waits for an answer.
process.on('SIGINT', () => {}); // Ctrl-C reaches the whole group; the device service ends its trainer.
process.on('message', (request: TrainerRequest) => void answer(request));

async function answer(request: TrainerRequest): Promise<void> {
  if (request.kind === 'open') {
    engine = openEngine(request.model, request.engine);
    const log = createLog('trainer', request.logging);
    engine.then(
      (opened) => tellOpened(opened, log),
      () => {},
    ); // A failure is told with the first job.
    return;
  }
  try {
    if (!engine) throw new Refusal('trainer: a job came before the model was named');
    const opened = await engine;
    const result = await perform(opened, request.job);
    const wear = { sessionsOpened: opened.sessionsOpened, residentBytes: await residentBytes() };
    if (level?.sessionsOpened !== wear.sessionsOpened) level = wear;
    const peakRssBytes = process.resourceUsage().maxRSS * 1024;
    reply({ kind: 'done', result, peakRssBytes, worn: wornOut(level, wear) });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const outOfMemory = !(error instanceof Refusal) && speaksOfMemory(message);
    reply({ kind: 'failed', message, outOfMemory });
    if (!(error instanceof Refusal)) process.exitCode = 70;
  }
}

async function perform(engine: Engine, job: TrainerJob): Promise<TrainerResult> {
  const { task } = job;
  // Sent at once, before the batch blocks this process: perhaps the last that is heard of it.
  const running = (batch: Padded) => reply({ kind: 'running', batch });
  const examples = job.kind === 'init' ? [] : (await readExamples(job.shard.path, job.shard)).examples;
  const from = performance.now();
  const seconds = () => (performance.now() - from) / 1000;
  switch (job.kind) {
    case 'init':
      return { kind: 'init', tensors: engine.freshAdapter(task.lora, task.seed) };
    case 'train': {
      const adapter = { lora: task.lora, tensors: job.adapter };
      let flops = 0;
      const report = ({ step, steps, loss, tokens, ms, flops: own = 0 }: StepReport) => {
        flops += own;
        const tokensPerSecond = (tokens / ms) * 1000;
        reply({ kind: 'progress', progress: { step, steps, loss, ms, tokensPerSecond, flops: own } });
      };
      const course = { microBatch: job.rows, running };
      const { training, text, seed } = task;
      const result = await engine.train(adapter, examples, training, text, seed, report, course);
      const { steps, tokens, labelTokens, loss } = result;
      const measures: Measures = {
        examples: result.examples,
        steps,
        tokens,
        labelTokens,
        loss,
        seconds: seconds(),
        flops,
        bytesDown: 0,
      };
      return { kind: 'train', delta: difference(result.tensors, job.adapter), measures };
    }
    case 'evaluate': {
      const adapter = { lora: task.lora, tensors: job.adapter };
      const found = await engine.evaluate(adapter, examples, task.text, job.rows, running);
      return {
        kind: 'evaluate',
        measures: { ...found, steps: 0, tokens: 0, seconds: seconds(), bytesDown: 0 },
      };
    }
  }
}

/** local − global: what the round is about. */
function difference(local: NamedTensors, global: NamedTensors): NamedTensors {
  return new Map(
    [...local].map(([name, { shape, data }]) => {
      const from = global.get(name)!.data;
      return [name, { shape, data: data.map((x, i) => x - from[i]!) }];
    }),
  );
}

/** Once for each model that is opened. */
function tellOpened({ providerCheck, copies }: Engine, log: Log): void {
  if (providerCheck) log.info('the provider agrees with the CPU', { ...providerCheck });
  log.info('model open; the runtime copies weights into memory of its own, in bytes', { ...copies });
}

function reply(message: TrainerReply): void {
  process.send?.(message);
}
