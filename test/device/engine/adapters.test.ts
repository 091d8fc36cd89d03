import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { freshAdapter, requireAdapter } from '../../../device/engine/lora.js';
import type { Lora } from '../../../schemas/messages.js';
import { adapterConfig } from '../../../schemas/peft.js';
import { random } from '../../../schemas/random.js';
import { encodeSafetensors } from '../../../schemas/tensors.js';
import { logitsError, readAdapter, readSmall, readTensors, type SmallGolden } from './small-golden.js';

const tolerance = 1e-4; // relative L2
const madeByPeft: Record<string, Partial<Lora>> = {
  'adapter-rslora': { rank: 3, alpha: 2, rslora: true, dropout: 0.1 },
  'adapter-patterns': {
    rank: 3,
    alpha: 2,
    rankPattern: { 'decoder.*wo': 5, 'SelfAttention.q': 2, 'q|k': 4, '^encoder.*v': 1 },
    alphaPattern: { '.*EncDecAttention.[ko]': 7, 'block.0.layer.0.SelfAttention.v': 0.5 },
  },
  'adapter-regex': { rank: 2, alpha: 3, rslora: true, rankPattern: { q: 4 } },
};

for (const name of ['small-1', 'small-2']) {
  const golden = await readSmall(name);
  const expected = await readTensors(join(golden.folder, 'adapters.safetensors')).catch(() => new Map());

  for (const [variant, says] of Object.entries(madeByPeft)) {
    test(`${name}: peft's ${variant} gives peft's logits here`, async () => {
      const adapter = await readAdapter(join(golden.folder, variant));
      assert.deepEqual({ ...adapter.lora, ...says }, adapter.lora);
      requireAdapter(golden.config, adapter.lora, adapter.tensors);
      const error = await logitsError(golden, adapter, expected.get(variant)!);
      assert(error <= tolerance, `relative error ${error}`);
      const plain = { ...adapter, lora: { ...adapter.lora, rslora: false, alphaPattern: {} } };
      assert(
        (await logitsError(golden, plain, expected.get(variant)!)) > 1e-2,
        'what it says makes no difference',
      );
    });
  }

  test(`${name}: an adapter that we write is the one that peft loaded, and gives peft's logits`, async () => {
    const { lora, tensors } = ours(golden);
    const files: Record<string, Uint8Array | string> = {
      'adapter_config.json': adapterConfig(lora),
      'adapter_model.safetensors': encodeSafetensors(tensors),
    };
    const folder = join(golden.folder, 'ours');
    for (const [file, bytes] of Object.entries(files)) {
      if (process.env.UPDATE_GOLDENS) {
        await mkdir(folder, { recursive: true });
        await writeFile(join(folder, file), bytes);
      }
      assert(
        Buffer.from(bytes).equals(await readFile(join(folder, file))),
        `${file} is not what peft loaded`,
      );
    }
    const error = await logitsError(golden, await readAdapter(folder), expected.get('ours')!);
    assert(error <= tolerance, `relative error ${error}`);
  });
}

/** An adapter that says all that one of ours can say, every matrix filled. */
function ours({ config }: SmallGolden): { lora: Lora; tensors: ReturnType<typeof freshAdapter> } {
  const lora: Lora = {
    rank: 3,
    alpha: 5,
    targets: ['v', 'q', 'o', 'EncDecAttention.k', 'wo', config.gated ? 'wi_1' : 'wi'],
    dropout: 0.1,
    rslora: true,
    rankPattern: { 'decoder.*EncDecAttention.q': 2, wo: 4 },
    alphaPattern: { 'encoder.*': 7, 'SelfAttention.(q|o)': 2.5 },
  };
  const tensors = freshAdapter(config, lora, 7);
  const next = random('ours');
  for (const { data } of tensors.values())
    for (let i = 0; i < data.length; i++) data[i]! += 0.5 * next() - 0.25;
  return { lora, tensors };
}
