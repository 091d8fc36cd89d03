import { Refusal } from '../../schemas/refusal.js';
import type { Description } from './graph.js';
import { lowered, type Provider } from './lowering.js';
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
 * Makes a session of a graph where it belongs: on the provider, in the operations that it runs well. Graphs that read
 * (they branch) run on the CPU whatever the provider: a run for each token, its cache of keys and values handed back
 * and forth, is what a GPU is worst at; and summaries are then the same on all boards.
 */
export function openGraph(
  graph: Description,
  provider: Provider,
  settings: SessionSettings,
): Promise<Session> {
  if (graph.nodes.some(({ branches }) => branches)) return openSession(graph, settings);
  return openOnProvider(lowered(graph, provider), provider, settings);
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
    const reason = cause instanceof Error ? cause.message.trim() : String(cause);
    throw new Refusal(`provider ${provider}: ${reason}: ${needs[provider]}; or use --provider cpu`, {
      cause,
    });
  }
}
