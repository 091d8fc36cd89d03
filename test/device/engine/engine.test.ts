import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Adapter, openEngine, Refusal, type StepReport } from '../../../device/engine/engine.js';
import { encodeSafetensors, type NamedTensors } from '../../../schemas/tensors.js';
import { modelFolder, readModel, tokenizerFile, writeModel } from './model-folder.js';
import { examples, lora, text, training } from './training-task.js';

const folder = await modelFolder();
const engine = await openEngine(folder, { threads: 2 });
after(() => engine.release());
const fresh: Adapter = { lora, tensors: engine.freshAdapter(lora, 1) };
const everywhere = { rank: 4, alpha: 8, targets: ['q', 'k', 'v', 'o', 'wi_0', 'wi_1', 'wo'] };
const bytes = (tensors: NamedTensors) => Buffer.from(encodeSafetensors(tensors)).toString('base64');
const sources = examples.map(({ source }) => source);
const close = (a: number, b: number, relative: number) =>
  assert(Math.abs(a - b) <= relative * Math.abs(b), `${a}, ${b}`);

test('training is a pure function of adapter, examples, settings and seed', async () => {
  const before = bytes(fresh.tensors);
  const of = async (seed: number) =>
    bytes((await engine.train(fresh, examples, training, text, seed)).tensors);
  const first = await of(1);
  assert.notEqual(await of(2), first);
  assert.equal(await of(1), first);
  assert.equal(bytes(fresh.tensors), before, 'the adapter that was handed in is as it was');
  assert.notEqual(first, before);
});

test('training an adapter lowers the loss, and evaluation sees it', async () => {
  const before = await engine.evaluate(undefined, examples, text);
  const adapter = { lora: everywhere, tensors: engine.freshAdapter(everywhere, 1) };
  const reports: StepReport[] = [];
  const settings = { ...training, steps: 40, batchSize: 8 };
  const { tensors, ...result } = await engine.train(adapter, examples, settings, text, 1, (r) =>
    reports.push(r),
  );
  close(reports[0]!.loss, before.loss, 1e-5); // A fresh adapter changes nothing.
  assert.deepEqual(
    reports.map(({ step, steps }) => [step, steps]),
    reports.map((_, i) => [i + 1, 40]),
  );
  assert.deepEqual(
    [result.steps, result.examples, result.labelTokens],
    [40, examples.length, 40 * before.labelTokens],
  );
  const after = await engine.evaluate({ lora: everywhere, tensors }, examples, text);
  assert(after.loss < 0.1 * before.loss, `${before.loss} → ${after.loss}`);
  assert(after.rougeL > 90, `ROUGE-L ${after.rougeL}`);
  assert(before.rougeL < 30, `ROUGE-L ${before.rougeL}`);
});

test('an evaluation does not depend on its batches', async () => {
  const [one, all] = [
    await engine.evaluate(fresh, examples, text, 1),
    await engine.evaluate(fresh, examples, text, 8),
  ];
  close(one.loss, all.loss, 1e-5);
  assert.deepEqual({ ...one, loss: 0 }, { ...all, loss: 0 });
  assert.equal(all.examples, examples.length);
  assert.equal((await engine.evaluate(fresh, [], text)).loss, 0);
});

test('training all weights learns the examples by heart; saved, the model summarizes them in order', async () => {
  const settings = { ...training, steps: 40, batchSize: 8 };
  const { tensors, loss } = await engine.trainAll(undefined, examples, settings, text, 1);
  assert(loss > 0);
  const learned = await modelFolder();
  await writeModel(learned, tensors);
  const reader = await openEngine(learned, { threads: 2 });
  const targets = examples.map(({ target }) => target);
  assert.deepEqual(await reader.summarize(undefined, sources, text), targets);
  assert.deepEqual(
    await reader.summarize(undefined, sources.toReversed(), text, { batchSize: 3 }),
    targets.toReversed(),
  );
  assert.deepEqual(await reader.summarize(undefined, [], text), []);
  const short = await reader.summarize(undefined, [sources[0]!], { ...text, maxTargetTokens: 3 });
  assert(targets[0]!.startsWith(short[0]!.trim()) && short[0]!.length < targets[0]!.length, short[0]);
  await reader.release();
});

test('two batches of 4 that are accumulated are one batch of 8', async () => {
  const of = async (batchSize: number, accumulation: number) => {
    const reports: StepReport[] = [];
    const settings = { ...training, steps: 3, batchSize, accumulation };
    await engine.train(fresh, examples, settings, text, 1, (report) => reports.push(report));
    return reports;
  };
  const [one, two] = [await of(8, 1), await of(4, 2)];
  for (const [i, report] of one.entries()) {
    close(two[i]!.loss, report.loss, 1e-5);
    close(two[i]!.gradientNorm, report.gradientNorm, i === 0 ? 1e-5 : 1e-3);
    assert.equal(two[i]!.tokens, report.tokens);
  }
});

test('an adapter of another shape is refused before anything is done with it', async () => {
  const tensors = new Map(fresh.tensors);
  const [name] = tensors.keys();
  const train = (adapter: Adapter) => engine.train(adapter, examples, training, text, 1);
  const wider = { lora: { ...lora, rank: 8 }, tensors };
  const refusal = { name: 'Refusal', message: /is \[4,32\], expected \[8,32\]/ };
  await assert.rejects(train(wider), refusal);
  await assert.rejects(engine.evaluate(wider, examples, text), refusal);
  await assert.rejects(engine.summarize(wider, sources, text), refusal);
  tensors.delete(name!);
  await assert.rejects(train({ lora, tensors }), new Refusal(`adapter: ${name} is missing`));
  assert.throws(() => engine.freshAdapter({ ...lora, targets: ['q', 'query'] }, 1), /LoRA targets query/);
});

test('a folder without its tokenizer, or with that of another model, is refused by name', async () => {
  const without = await modelFolder();
  await rm(join(without, 'tokenizer.json'));
  await assert.rejects(openEngine(without, { threads: 1 }), {
    name: 'Refusal',
    message: /tokenizer\.json is missing/,
  });
  const other = await modelFolder({ vocab_size: 1024 });
  await assert.rejects(openEngine(other, { threads: 1 }), {
    name: 'Refusal',
    message: /tokenizer\.json has 2048 tokens, config\.json a vocab_size of 1024/,
  });
  await writeFile(join(without, 'tokenizer.json'), (await readFile(tokenizerFile)).subarray(0, 999));
  await assert.rejects(openEngine(without, { threads: 1 }), {
    name: 'Refusal',
    message: /tokenizer\.json is not JSON/,
  });
});

test('the weights on disk are never changed', async () => {
  assert.equal(bytes(await readModel(folder)), bytes(await readModel(await modelFolder())));
});
