import type { Messages } from '../../schemas/messages.js';

const sha256 = 'ab'.repeat(32);
const key = { run: 'run-1', round: 3, kind: 'train' } as const;

/** One right message of each kind, every optional field filled. */
export const samples: Messages = {
  Presence: {
    deviceId: 'board-1',
    session: 1_790_000_000_000,
    online: true,
    modelSha256: sha256,
    trainExamples: 100,
    evaluationExamples: 20,
    version: '0.1.0',
    problem: '',
    droppedPoints: 12,
    powerSource: 'ina3221',
  },
  Task: {
    key,
    modelSha256: sha256,
    baseVersion: 2,
    baseSha256: sha256,
    seed: 2 ** 48 - 1,
    deadlineS: 600,
    lora: {
      rank: 16,
      alpha: 32,
      targets: ['q', 'v'],
      dropout: 0.05,
      rslora: true,
      rankPattern: { '^decoder\\..*\\.v': 8 },
      alphaPattern: { 'block.0.layer.0.SelfAttention.q': 4.5 },
    },
    training: {
      steps: 20,
      epochs: 0.5,
      batchSize: 8,
      accumulation: 2,
      learningRate: 0.001,
      weightDecay: 0.01,
      warmupSteps: 3,
      schedule: 'linear',
      clipNorm: 1,
      dropout: 0.1,
    },
    text: { prefix: 'summarize: ', maxSourceTokens: 512, maxTargetTokens: 95 },
    evaluationExamples: 64,
  },
  Update: {
    key,
    deviceId: 'board-1',
    baseVersion: 2,
    baseSha256: sha256,
    codec: 'f32',
    tensors: [{ name: 'base_model.model.q.lora_A.weight', shape: [2, 1], data: Buffer.alloc(8, 1) }],
    measures: {
      examples: 100,
      steps: 20,
      tokens: 2 ** 40,
      labelTokens: 5000,
      loss: 2.5,
      seconds: 12.25,
      joules: 80,
      rouge1: 40,
      rouge2: 20,
      rougeL: 35.5,
      bytesDown: 123_456,
      outOfMemory: { rows: 8, source: 512, target: 96, microBatch: 4 },
    },
    failure: '',
  },
  Chunk: { key, sha256, index: 1, count: 3, totalBytes: 500, data: Buffer.alloc(200, 7) },
  Manifest: { run: 'run-1', version: 2, sha256, totalBytes: 300_000, chunkBytes: 131_072, count: 3 },
  Receipt: { key, sha256, state: 'refused', nextChunk: 2, reason: 'its norm is 2000, the limit 1000' },
  TelemetryBatch: {
    deviceId: 'board-1',
    points: [
      { measurement: 'power', tags: { rail: 'VDD_IN' }, fields: { watts: 5.5 }, timeMs: 1_790_000_000_000 },
    ],
    batch: 2 ** 48 - 1,
  },
  TelemetryReceipt: { batch: 2 ** 48 - 1, reason: 'no room' },
  Trigger: { id: 'nightly-1', settings: { rounds: '5' } },
};

export const kinds = Object.keys(samples) as (keyof Messages)[];
