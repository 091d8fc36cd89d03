// A process of its own: `training-process.js FOLDER THREADS DROPOUT` trains a fresh adapter and writes its sha256.
import { createHash } from 'node:crypto';
import { openEngine } from '../../../device/engine/engine.js';
import { encodeSafetensors } from '../../../schemas/tensors.js';
import { examples, lora, text, training } from './training-task.js';

const [folder, threads, rate] = process.argv.slice(2);
const dropout = Number(rate);
const engine = await openEngine(folder!, { threads: Number(threads) });
const adapter = { lora: { ...lora, dropout }, tensors: engine.freshAdapter(lora, 1) };
const settings = { ...training, accumulation: 2, dropout };
const { tensors } = await engine.train(adapter, examples, settings, text, 1);
process.stdout.write(createHash('sha256').update(encodeSafetensors(tensors)).digest('hex'));
