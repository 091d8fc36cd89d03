/** The trainer: a process of its own, because a training step blocks the event loop and may run out of memory. */
import type { Measures } from '../schemas/messages.js';
import type { NamedTensors } from '../schemas/tensors.js';
import { type Engine, openEngine, Refusal } from './engine/engine.js';
import { readExamples } from './shards.js';
import type {
  Progress,
  TrainerJob,
  TrainerReply,
  TrainerRequest,
  TrainerResult,
} from './trainer-messages.js';

let engine: Promise<Engine> | undefined;

process.on('disconnect', () => process.exit(0)); // The device service is gone: nobody waits for an answer.
process.on('SIGINT', () => {}); // Ctrl-C reaches the whole group; the device service ends its trainer.
process.on('message', (request: TrainerRequest) => void answer(request));

async function answer(request: TrainerRequest): Promise<void> {
  if (request.kind === 'open') {
    engine = openEngine(request.model, request.engine);
    engine.catch(() => {}); // Told with the first job.
    return;
  }
  try {
    if (!engine) throw new Refusal('trainer: a job came before the model was named');
    const result = await perform(await engine, request.job, (progress) =>
      reply({ kind: 'progress', progress }),
    );
    reply({ kind: 'done', result, peakRssBytes: process.resourceUsage().maxRSS * 1024 });
  } catch (error) {
    reply({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
    if (!(error instanceof Refusal)) process.exitCode = 70;
  }
}

async function perform(
  engine: Engine,
  job: TrainerJob,
  progress: (p: Progress) => void,
): Promise<TrainerResult> {
  const { task } = job;
  const examples = job.kind === 'init' ? [] : (await readExamples(job.shard.path, job.shard)).examples;
  const from = performance.now();
  const seconds = () => (performance.now() - from) / 1000;
  switch (job.kind) {
    case 'init':
      return { kind: 'init', tensors: engine.freshAdapter(task.lora, task.seed) };
    case 'train': {
      const adapter = { lora: task.lora, tensors: job.adapter };
      const result = await engine.train(adapter, examples, task.training, task.text, task.seed, (step) =>
        progress({
          step: step.step,
          steps: step.steps,
          loss: step.loss,
          tokensPerSecond: (step.tokens / step.ms) * 1000,
        }),
      );
      const { steps, tokens, labelTokens, loss } = result;
      const measures: Measures = {
        examples: result.examples,
        steps,
        tokens,
        labelTokens,
        loss,
        seconds: seconds(),
        bytesDown: 0,
      };
      return { kind: 'train', delta: difference(result.tensors, job.adapter), measures };
    }
    case 'evaluate': {
      const found = await engine.evaluate({ lora: task.lora, tensors: job.adapter }, examples, task.text);
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

function reply(message: TrainerReply): void {
  process.send?.(message);
}
