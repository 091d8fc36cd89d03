import type { Task, TaskKey } from '../../schemas/messages.js';
import type { NamedTensors } from '../../schemas/tensors.js';

/** A whole task for tests; its key and what else is said. */
export function taskOf(key: Partial<TaskKey> = {}, rest: Partial<Task> = {}): Task {
  return {
    key: { run: 'r1', round: 1, kind: 'train', ...key },
    modelSha256: 'a'.repeat(64),
    baseVersion: 0,
    baseSha256: 'b'.repeat(64),
    seed: 7,
    deadlineS: 60,
    lora: { rank: 2, alpha: 4, targets: ['q'] },
    training: {
      steps: 2,
      epochs: 1,
      batchSize: 2,
      accumulation: 1,
      learningRate: 0.001,
      weightDecay: 0,
      warmupSteps: 0,
      schedule: 'constant',
      clipNorm: 1,
    },
    text: { prefix: '', maxSourceTokens: 64, maxTargetTokens: 16 },
    evaluationExamples: 0,
    ...rest,
  };
}

/** A tensor of so many numbers that start at `first`. */
export function tensorsOf(count: number, first = 0): NamedTensors {
  return new Map([
    ['w', { shape: [count], data: Float32Array.from({ length: count }, (_, i) => first + i) }],
  ]);
}
