import type { SettingsOf, SettingTable } from './settings.js';

/** How a board runs the engine: its own affair, no part of a run's settings. Thread counts have defaults of their own. */
export const engineSettings = {
  memory: {
    kind: 'choice',
    default: 'fast',
    choices: ['fast', 'small'] as const,
    help: 'small: the runtime packs no second copy of the weights; steps take some 5 % longer',
  },
  baseBits: {
    kind: 'choice',
    default: '32',
    choices: ['32', '8', '4'] as const,
    help: 'of the frozen base model’s linear weights',
  },
  recompute: {
    kind: 'flag',
    default: false,
    help: 'keep only each layer’s input for the backward pass and compute the rest again: less memory, more time',
  },
  provider: {
    kind: 'choice',
    default: 'cpu',
    choices: ['cpu', 'webgpu', 'cuda'] as const,
    help: 'onnxruntime’s execution provider; any but cpu must first agree with it on a small step',
  },
} satisfies SettingTable;

export type EngineOptions = SettingsOf<typeof engineSettings>;

/** The engine's part of a service's settings. */
export const engineOptions = ({ memory, baseBits, recompute, provider }: EngineOptions): EngineOptions => ({
  memory,
  baseBits,
  recompute,
  provider,
});
