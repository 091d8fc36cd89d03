/**
 * Makes the built-in model: `node dist/builtin/pretrain.js [--out FOLDER] [--steps N]` from the repository's root.
 * A T5 v1.1 of 1.8 million weights, from seeded random numbers, on text that builtin/text.ts generates, by the
 * project's own engine. Same machine kind and thread count, same bytes. `--change '{"d_model":256}'` makes another
 * geometry, for which bench/quantized.ts has a use.
 */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { initModel, openEngine } from '../device/engine/engine.js';
import { encodeSafetensors } from '../schemas/tensors.js';
import { pretrainingExamples } from './corpus.js';

const builtin = {
  architectures: ['T5ForConditionalGeneration'],
  model_type: 't5',
  vocab_size: 2048,
  d_model: 128,
  d_kv: 32,
  d_ff: 256,
  num_heads: 4,
  num_layers: 4,
  num_decoder_layers: 4,
  relative_attention_num_buckets: 32,
  relative_attention_max_distance: 128,
  layer_norm_epsilon: 1e-6,
  feed_forward_proj: 'gated-gelu',
  dense_act_fn: 'gelu_new',
  is_gated_act: true,
  tie_word_embeddings: true,
  is_encoder_decoder: true,
  dropout_rate: 0,
  initializer_factor: 1,
  pad_token_id: 0,
  eos_token_id: 1,
  decoder_start_token_id: 0,
  n_positions: 512,
};
const text = { prefix: 'summarize: ', maxSourceTokens: 192, maxTargetTokens: 64 };

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'builtin/model' },
    steps: { type: 'string', default: '6000' },
    rate: { type: 'string', default: '0.002' },
    examples: { type: 'string', default: '60000' },
    batch: { type: 'string', default: '32' },
    threads: { type: 'string', default: '2' },
    change: { type: 'string', default: '{}' },
  },
});
const config = { ...builtin, ...JSON.parse(values.change) };
const steps = Number(values.steps);
const training = {
  steps,
  epochs: 1000,
  batchSize: Number(values.batch),
  accumulation: 1,
  learningRate: Number(values.rate),
  weightDecay: 0.01,
  warmupSteps: Math.min(300, steps >> 2),
  schedule: 'linear',
  clipNorm: 1,
} as const;

await mkdir(values.out, { recursive: true });
const start = join(tmpdir(), `fleetune-pretrain-${process.pid}`);
await mkdir(start);
await writeFile(join(start, 'config.in.json'), JSON.stringify(config));
await initModel(join(start, 'config.in.json'), 'builtin/model/tokenizer.json', start, 1);
const engine = await openEngine(start, { threads: Number(values.threads), spinning: false });
const examples = (count: number, seed: number, split: 'train' | 'validation') =>
  pretrainingExamples(count, seed, split).map(({ dialogue, summary }) => ({
    source: dialogue,
    target: summary,
  }));

let sum = 0;
const { tensors } = await engine.trainAll(
  undefined,
  examples(Number(values.examples), 1, 'train'),
  training,
  text,
  1,
  (step) => {
    sum += step.loss;
    if (step.step % 50 > 0 && step.step < steps) return;
    console.log(`step ${step.step}/${steps}  loss ${(sum / 50).toFixed(4)}  ${step.ms.toFixed(0)} ms`);
    sum = 0;
  },
);
await engine.release();
await writeFile(join(values.out, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
await writeFile(join(values.out, 'model.safetensors'), encodeSafetensors(tensors));

if (values.out !== 'builtin/model')
  await copyFile('builtin/model/tokenizer.json', join(values.out, 'tokenizer.json'));

const trained = await openEngine(values.out, { threads: Number(values.threads) });
const score = await trained.evaluate(undefined, examples(200, 2, 'validation'), text);
console.log(
  `held-out: loss ${score.loss.toFixed(4)}, ROUGE-L ${score.rougeL.toFixed(1)} on ${score.examples} dialogues`,
);
