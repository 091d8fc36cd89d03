import type { T5Config } from '../device/engine/engine.js';

/** dModel, dFf, dKv, heads, layers of a stack → size; FLAN-T5 has those of T5 v1.1. */
const gated: Record<string, string> = {
  '512 1024 64 6 8': 'small',
  '768 2048 64 12 12': 'base',
  '1024 2816 64 16 24': 'large',
  '2048 5120 64 32 24': 'XL',
  '4096 10240 64 64 24': 'XXL',
};
const plain: Record<string, string> = {
  '512 2048 64 8 6': 'small',
  '768 3072 64 12 12': 'base',
  '1024 4096 64 16 24': 'large',
  '1024 16384 128 32 24': '3B',
  '1024 65536 128 128 24': '11B',
};

/** "FLAN-T5 or T5 v1.1, geometry small (…)": which of the published models a config is, as far as it says. */
export function familyOf(config: T5Config): string {
  const { dModel, dFf, dKv, heads, encoderLayers, decoderLayers, vocabSize, tied } = config;
  const size = (config.gated ? gated : plain)[`${dModel} ${dFf} ${dKv} ${heads} ${encoderLayers}`];
  const isPublished = size !== undefined && encoderLayers === decoderLayers;
  const family = config.gated ? 'FLAN-T5 or T5 v1.1 (gated gelu' : 'T5 v1.0 (relu';
  const head = tied ? 'head tied to the embedding)' : 'head of its own)';
  const numbers = `width ${dModel}, feed-forward ${dFf}, ${heads} heads of ${dKv}, ${encoderLayers} + ${decoderLayers} layers`;
  return `${family}, ${head}, ${isPublished ? `size ${size}` : 'a size of its own'}: ${numbers}, vocabulary ${vocabSize}`;
}
