import { Refusal } from '../../schemas/refusal.js';
import { type Description, Graph } from './graph.js';
import { lowered, type Provider } from './lowering.js';
import type { ProviderCheck } from './provider-check.js';
import { openSession, type Session, type SessionSettings } from './session.js';

/** What a machine must have for a provider, and how to get it. */
const needs: Readonly<Record<Provider, string>> = {
  cpu: '',
  webgpu:
    'expected a GPU with its Vulkan driver and the Vulkan loader (libvulkan.so.1), on linux/x64: ' +
    'the only Linux package of onnxruntime-node that brings this provider',
  cuda:
    "expected an NVIDIA GPU with CUDA 12, cuDNN 9 and onnxruntime's CUDA libraries, on linux/x64: " +
    'ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node',
};

/**
 * Makes a session of a graph where it belongs: on the provider that was checked, in the operations that it runs well.
 * Graphs that read (they choose by `If`) run on the CPU whatever the provider: a run for each token, its cache of keys and
 * values handed back and forth, is what a GPU is worst at; and summaries are then the same on all boards.
 * @throws Refusal that names the operations which were no part of the check
 */
export function openGraph(
  graph: Description,
  checked: Pick<ProviderCheck, 'provider' | 'ops'> | undefined,
  settings: SessionSettings,
): Promise<Session> {
  if (!checked || graph.nodes.some(({ op }) => op === 'If')) return openSession(graph, settings);
  const { provider, ops } = checked;
  const ready = lowered(graph, provider);
  const unseen = opsThatRun(ready).filter((op) => !ops.includes(op));
  if (unseen.length === 0) return openOnProvider(ready, provider, settings);
  throw new Refusal(
    `provider ${provider}: ${unseen.join(', ')}: not compared with the CPU here, so not trusted; use --provider cpu`,
  );
}

/** Operations of a graph, each once, but for the casts of weights: the runtime does those once, on the CPU. */
export function opsThatRun({ nodes, weights }: Description): string[] {
  const stored = new Set(weights.map(({ value }) => value));
  const running = nodes.filter(({ op, inputs }) => op !== 'Cast' || !stored.has(inputs[0]!));
  const inside = running.flatMap(({ branches }) => Object.values(branches ?? {}).flatMap(opsThatRun));
  return [...new Set([...running.map(({ op }) => op), ...inside])].sort();
}

/**
 * Makes a session on a provider, of a graph as it is.
 * @throws Refusal that says what the provider needs where it can't be had
 */
export async function openOnProvider(
  graph: Description,
  provider: Provider,
  settings: SessionSettings,
): Promise<Session> {
  if (provider === 'cpu') return openSession(graph, settings);
  try {
    return await openSession(graph, { ...settings, provider });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const reason = message.replace(/^.* was false\. /s, '').trim(); // Without the runtime's own line of C++.
    throw new Refusal(`provider ${provider}: ${reason}: ${needs[provider]}; or use --provider cpu`, {
      cause,
    });
  }
}

/** Opens a provider, and lets it compute. @throws Refusal that says what it needs */
export async function tryProvider(provider: Provider): Promise<void> {
  const session = await keepProvider(provider);
  try {
    await session.run({ x: { shape: [1], data: new Float32Array([1]) } });
  } finally {
    await session.release();
  }
}

/**
 * A session of next to nothing. Kernels that a provider has compiled last as long as it has a session: with this one
 * open, what the check compiled is there for training.
 */
export function keepProvider(provider: Provider): Promise<Session> {
  // cuBLAS reads it at its first product. TF32 keeps 10 bits, which the check refuses (0.0012 off in FusedMatMul).
  if (provider === 'cuda') process.env.NVIDIA_TF32_OVERRIDE ??= '0';
  const g = new Graph();
  const x = g.input('x', [1]);
  g.output('y', g.add(x, x));
  return openOnProvider(g, provider, { folder: '.', threads: 1, spinning: false });
}
