import { parseConfig } from '../device/engine/config.js';
import { geometryOf } from '../device/engine/flops.js';

/** The probe's default shape. */
export const [batch, source, target, rank] = [8, 256, 48, 16];

/** config.json of google/flan-t5-small, as far as it is geometry. */
export const flanT5Small = {
  model_type: 't5',
  vocab_size: 32128,
  d_model: 512,
  d_kv: 64,
  d_ff: 1024,
  num_heads: 6,
  num_layers: 8,
  feed_forward_proj: 'gated-gelu',
  tie_word_embeddings: false,
};

export const geometry = geometryOf(parseConfig(flanT5Small, 'FLAN-T5-small'));
