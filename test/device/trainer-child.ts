/** A trainer process for tests: what it does with a job, the task's prefix says. */
import type { TrainerReply, TrainerRequest } from '../../device/trainer-messages.js';

let model = '';
process.on('disconnect', () => process.exit(0));
process.on('message', (request: TrainerRequest): void => {
  if (request.kind === 'open') {
    model = request.model;
    return;
  }
  const { job } = request;
  const reply = (message: TrainerReply): void => void process.send?.(message);
  const done = { kind: 'done', peakRssBytes: process.resourceUsage().maxRSS * 1024 } as const;
  switch (job.task.text.prefix) {
    case 'fail':
      return reply({ kind: 'failed', message: `no such model: ${model}` });
    case 'out of memory':
      return void process.kill(process.pid, 'SIGKILL');
    case 'exit':
      return process.exit(3);
    case 'hang':
      process.on('SIGTERM', () => {}); // It will not go by itself.
      reply({ kind: 'progress', progress: { step: 0, steps: 1, loss: 0, tokensPerSecond: 0 } });
      for (;;);
  }
  if (job.kind === 'init') return reply({ ...done, result: { kind: 'init', tensors: new Map() } });
  const measures = {
    examples: job.examples.length,
    steps: process.pid, // So that a test sees which process it was.
    tokens: 0,
    labelTokens: 0,
    loss: 1,
    seconds: 0,
    bytesDown: 0,
  };
  if (job.kind === 'evaluate') return reply({ ...done, result: { kind: 'evaluate', measures } });
  for (const step of [1, 2])
    reply({ kind: 'progress', progress: { step, steps: 2, loss: 3 - step, tokensPerSecond: 10 } });
  reply({ ...done, result: { kind: 'train', delta: job.adapter, measures } });
});
