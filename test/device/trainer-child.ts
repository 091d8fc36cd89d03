/** A trainer process for tests: what it does with a job, the task's prefix says. */
import type { TrainerJob, TrainerReply, TrainerRequest } from '../../device/trainer-messages.js';

let model = '';
process.on('disconnect', () => process.exit(0));
process.on('message', (request: TrainerRequest) => {
  if (request.kind === 'open') model = request.model;
  else for (const reply of repliesTo(request.job)) process.send?.(reply);
});

function* repliesTo(job: TrainerJob): Generator<TrainerReply> {
  switch (job.task.text.prefix) {
    case 'fail':
      yield { kind: 'failed', message: `no such model: ${model}`, outOfMemory: false };
      return;
    case 'killed':
      process.kill(process.pid, 'SIGKILL');
      return;
    case 'refuse more than 2 rows':
      if (job.kind === 'init' || job.rows === 2) break;
      yield { kind: 'running', batch: { rows: job.rows ?? 8, source: 64, target: 16 } };
      yield { kind: 'failed', message: 'Failed to allocate memory for 9 bytes', outOfMemory: true };
      return;
    case 'die of one row':
      yield { kind: 'running', batch: { rows: 1, source: 64, target: 16 } };
      process.stderr.write('terminate called after throwing an instance of std::bad_alloc\n');
      process.abort();
      break;
    case 'exit':
      process.exit(3);
      break;
    case 'hang':
      process.on('SIGTERM', () => {}); // It will not go by itself.
      yield {
        kind: 'progress',
        progress: { step: 0, steps: 1, loss: 0, ms: 0, tokensPerSecond: 0, flops: 0 },
      };
      for (;;);
  }
  const worn = job.task.text.prefix === 'worn' ? 'it has done enough' : '';
  const done = { kind: 'done', peakRssBytes: process.resourceUsage().maxRSS * 1024, worn } as const;
  if (job.kind === 'init') {
    yield { ...done, result: { kind: 'init', tensors: new Map() } };
    return;
  }
  const measures = {
    examples: job.shard.limit ?? 0,
    steps: process.pid, // So that a test sees which process it was.
    tokens: 0,
    labelTokens: 0,
    loss: 1,
    seconds: 0,
    bytesDown: 0,
  };
  if (job.kind === 'evaluate') {
    yield { ...done, result: { kind: 'evaluate', measures } };
    return;
  }
  for (const step of [1, 2])
    yield {
      kind: 'progress',
      progress: { step, steps: 2, loss: 3 - step, ms: 5, tokensPerSecond: 10, flops: 7 },
    };
  yield { ...done, result: { kind: 'train', delta: job.adapter, measures } };
}
