import assert from 'node:assert/strict';
import { cp, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fleetune } from './command.js';

const builtin = 'builtin/model';
const small = ['--batch-size', '2', '--max-source-tokens', '64', '--max-target-tokens', '16'];

async function copyOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-check-'));
  t.after(() => rm(folder, { recursive: true }));
  await cp(builtin, folder, { recursive: true });
  return folder;
}

test('a model is described, with what a step costs each way', async () => {
  const { code, out } = await fleetune(['model', 'check', builtin, ...small]);
  assert.equal(code, 0);
  assert.match(
    out,
    /gated gelu, head tied to the embedding\), a size of its own: width 128, .* 1\.8 million parameters/,
  );
  assert.match(out, /weights {5}F32, 7\.\d MiB in 1 file/);
  assert.match(out, /tokenizer {3}2048 tokens/);
  assert.match(out, /GFLOP by the formula; an adapter is/);
  assert.equal(out.match(/^(fast|small) +(32|8|4) /gm)?.length, 6);
  const json = await fleetune(['model', 'check', builtin, ...small, '--json']);
  const told = JSON.parse(json.out);
  assert.deepEqual([told.usable, told.problems, told.step.length], [true, [], 6]);
  assert.equal(told.dtypes.F32, told.parameters);
  const [fast, frugal] = told.step;
  assert.ok(fast.memory.copies.prepacked > 0 && frugal.memory.copies.prepacked === 0);
  assert.equal(fast.flops, frugal.flops);
});

test('all that is wrong is told at once', async (t) => {
  const folder = await copyOf(t);
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
  await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, d_ff: 100, vocab_size: 2000 }));
  await rm(join(folder, 'tokenizer.json'));
  const { code, out } = await fleetune(['model', 'check', folder, ...small]);
  assert.equal(code, 1);
  const layers = config.num_layers + (config.num_decoder_layers ?? config.num_layers);
  assert.match(out, new RegExp(`not usable: ${3 * layers + 2} problems`)); // Feed-forward, embedding, tokenizer.
  assert.match(out, /- shared\.weight is \[2048,128\], config\.json says \[2000,128\]/);
  assert.equal(out.match(/DenseReluDense\.w\w+\.weight is \[/g)?.length, 3 * layers);
  assert.match(out, /tokenizer\.json is missing/);
  assert.doesNotMatch(out, /GFLOP/);
});

test('a file that is cut short, lacks or is none is told as that, not by each of its tensors', async (t) => {
  const folder = await copyOf(t);
  const file = await open(join(folder, 'model.safetensors'), 'r+');
  await file.truncate(1_000_000);
  await file.close();
  const cut = await fleetune(['model', 'check', folder, '--json']);
  assert.equal(cut.code, 1);
  assert.deepEqual(JSON.parse(cut.out).problems.length, 1);
  assert.match(JSON.parse(cut.out).problems[0], /not a whole safetensors file: .* it was cut short/);
  await rm(join(folder, 'model.safetensors'));
  assert.match(
    (await fleetune(['model', 'check', folder])).out,
    /1 problem\n.*model\.safetensors: can't be read \(ENOENT\)/,
  );
  const index = { weight_map: { 'shared.weight': 'a.safetensors', 'lm_head.weight': 'b.safetensors' } };
  await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify(index));
  assert.match(
    (await fleetune(['model', 'check', folder])).out,
    /2 problems\n.*a\.safetensors.*\n.*b\.safetensors/,
  );
  const none = await fleetune(['model', 'check', join(folder, 'none')]);
  assert.match(none.out, /3 problems/); // Config, weights, tokenizer.
});

test('a check without a folder, or with a wrong flag, is refused', async () => {
  assert.match((await fleetune(['model', 'check'])).err, /needs the FOLDER of a model/);
  assert.match(
    (await fleetune(['model', 'check', 'x', '--lora-rank', '0'])).err,
    /--lora-rank: "0" is not a whole number/,
  );
});
