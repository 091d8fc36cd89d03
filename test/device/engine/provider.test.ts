import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { labelTokens, sourceFeeds, targetFeeds } from '../../../device/engine/batches.js';
import { type EngineSettings, openEngine } from '../../../device/engine/engine.js';
import { Graph } from '../../../device/engine/graph.js';
import { lowered } from '../../../device/engine/lowering.js';
import { keepProvider, openGraph, openOnProvider } from '../../../device/engine/provider.js';
import { checkProvider, relativeError } from '../../../device/engine/provider-check.js';
import { placementOf } from '../../../device/engine/provider-placement.js';
import { openSession } from '../../../device/engine/session.js';
import { parameterFeeds } from '../../../device/engine/train.js';
import { trainingGraph } from '../../../device/engine/training-graph.js';
import { examplesOf, readGolden, trainable, versions } from './golden.js';
import { modelFolder } from './model-folder.js';
import { examples, lora, text, training } from './training-task.js';
import { withoutVulkan } from './vulkan.js';

const settings = { folder: '.', threads: 2, spinning: false };
const skip = await withoutVulkan();

for (const version of versions) {
  test(`${version}: the full gradient on WebGPU is the CPU's`, { skip }, async () => {
    const golden = await readGolden(version);
    const { config, weights, reference } = golden;
    const graph = trainingGraph({ config, weights, open: true });
    const batch = examplesOf(reference.cases.short);
    const feeds = {
      ...sourceFeeds(config, batch),
      ...targetFeeds(config, batch, labelTokens(batch)),
      ...parameterFeeds(await trainable(golden, 'base')),
    };
    const ours = await openSession(graph, settings);
    const theirs = await openOnProvider(lowered(graph, 'webgpu'), 'webgpu', settings);
    const [expected, found] = [await ours.run(feeds), await theirs.run(feeds)];
    assert(Object.keys(expected).length > 40);
    for (const name of Object.keys(expected)) {
      const error = relativeError(found[name], expected[name]);
      assert(error <= 1e-3, `${name}: relative error ${error}`);
    }
    await ours.release();
    await theirs.release();
  });
}

test('an operation of WebGPU that is wrong is found and named', { skip }, async () => {
  const asItIs: typeof lowered = (graph) => graph;
  await assert.rejects(checkProvider('webgpu', { gated: true, tied: false }, 2, asItIs), {
    name: 'Refusal',
    message:
      /^provider webgpu: SimplifiedLayerNormalization's output 2 disagrees with cpu \(relative error .*, expected at most 0.001\): refused; use --provider cpu$/,
  });
});

test('training on WebGPU is checked first, runs its products there, and learns what it learns on the CPU', {
  skip,
}, async () => {
  const folder = await modelFolder();
  const [few, steps] = [examples.slice(0, 4), { ...training, steps: 2, batchSize: 2 }];
  const trained = async (provider: NonNullable<EngineSettings['provider']>) => {
    const engine = await openEngine(folder, { threads: 2, provider });
    const losses: number[] = [];
    const adapter = { lora, tensors: engine.freshAdapter(lora, 1) };
    const { tensors } = await engine.train(adapter, few, steps, text, 1, ({ loss }) => losses.push(loss));
    losses.push((await engine.evaluate({ lora, tensors }, few, text)).loss);
    await engine.release();
    return { losses, check: engine.providerCheck };
  };
  const [ours, theirs] = [await trained('cpu'), await trained('webgpu')];
  assert.equal(ours.check, undefined);
  for (const [i, loss] of ours.losses.entries())
    assert(
      Math.abs(theirs.losses[i]! - loss) <= 1e-3 * loss,
      `loss ${i}: ${theirs.losses[i]}, expected ${loss}`,
    );
  const { check } = theirs;
  assert(check && check.worst <= 1e-3 && check.outputs > 40);
  const computing = [
    'MatMul',
    'Gemm',
    'FusedMatMul',
    'Softmax',
    'Add',
    'Mul',
    'SimplifiedLayerNormalization',
  ];
  assert.deepEqual(
    Object.keys(check.onCpu).filter((op) => computing.includes(op)),
    [],
  );
});

test('what was not part of the check is not given to a provider', () => {
  const g = new Graph();
  const x = g.input('x', ['n']);
  g.output('y', g.relu(g.exp(x)));
  assert.throws(() => openGraph(g, { provider: 'cuda', ops: ['Exp'] }, settings), {
    name: 'Refusal',
    message: 'provider cuda: Relu: not compared with the CPU here, so not trusted; use --provider cpu',
  });
});

test("without CUDA's libraries its provider is refused with the way to them", async (t) => {
  const found = await openOnProvider(new Graph(), 'cuda', settings).catch((error: Error) => error);
  if (!(found instanceof Error)) return t.skip('this machine has CUDA');
  assert.equal(found.name, 'Refusal');
  assert.match(
    found.message,
    /^provider cuda: .*ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node; or use --provider cpu$/,
  );
});

test('without a Vulkan device WebGPU is refused with what it needs', async () => {
  const provider = fileURLToPath(new URL('../../../device/engine/provider.js', import.meta.url));
  const script = `import(${JSON.stringify(provider)}).then((p) => p.keepProvider('webgpu')).catch((e) => console.log(e.message))`;
  const env = { ...process.env, VK_ICD_FILENAMES: '/nowhere', VK_DRIVER_FILES: '/nowhere' };
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { env });
  assert.match(
    stdout,
    /^provider webgpu: .*: expected a GPU with its Vulkan driver .*; or use --provider cpu$/m,
  );
});

test('a node is counted once where it ran, a copy between providers not at all', () => {
  const event = (name: string, op_name: string, provider: string) => ({
    cat: 'Node',
    name: `${name}_kernel_time`,
    args: { op_name, provider },
  });
  const events = [
    event('a', 'Gemm', 'WebGpuExecutionProvider'),
    event('a', 'Gemm', 'WebGpuExecutionProvider'),
    event('b', 'Shape', 'CPUExecutionProvider'),
    event('c', 'Shape', 'CPUExecutionProvider'),
    event('d', 'MemcpyToHost', 'WebGpuExecutionProvider'),
    { cat: 'Session', name: 'model_run' },
  ];
  assert.deepEqual(placementOf(events), { onProvider: 1, onCpu: { Shape: 2 } });
});

test('cuda multiplies in float32, unless its user has set that himself', async () => {
  const before = process.env.NVIDIA_TF32_OVERRIDE;
  try {
    for (const [set, then] of [
      [undefined, '0'],
      ['1', '1'],
    ]) {
      if (set === undefined) delete process.env.NVIDIA_TF32_OVERRIDE;
      else process.env.NVIDIA_TF32_OVERRIDE = set;
      await keepProvider('cuda').then(
        (session) => session.release(),
        () => {}, // No such GPU here: what is set is set before.
      );
      assert.equal(process.env.NVIDIA_TF32_OVERRIDE, then);
    }
  } finally {
    if (before === undefined) delete process.env.NVIDIA_TF32_OVERRIDE;
    else process.env.NVIDIA_TF32_OVERRIDE = before;
  }
});
