import type { Lora } from './messages.js';
import { Refusal } from './refusal.js';

/** What an adapter here is, in the keys of PEFT's LoraConfig; rank, alpha and targets come beside them. */
const fixed = {
  peft_type: 'LORA',
  task_type: 'SEQ_2_SEQ_LM',
  auto_mapping: null,
  base_model_name_or_path: null,
  revision: null,
  inference_mode: true,
  bias: 'none',
  fan_in_fan_out: false,
  init_lora_weights: true,
  lora_dropout: 0,
  modules_to_save: null,
  layers_pattern: null,
  layers_to_transform: null,
  rank_pattern: {},
  alpha_pattern: {},
  use_rslora: false,
  use_dora: false,
};

/** Values of a foreign file under which its tensors mean the same here; an absent key means the first. */
const supported: Record<string, readonly unknown[]> = {
  peft_type: ['LORA'],
  task_type: ['SEQ_2_SEQ_LM', null],
  bias: ['none'],
  fan_in_fan_out: [false],
  modules_to_save: [null],
  layers_pattern: [null],
  layers_to_transform: [null],
  use_rslora: [false],
  use_dora: [false],
  layer_replication: [null],
  exclude_modules: [null],
  target_parameters: [null],
  trainable_token_indices: [null],
  lora_bias: [false],
  use_qalora: [false],
  alora_invocation_tokens: [null],
};

/** The text of PEFT's adapter_config.json. */
export function adapterConfig({ rank, alpha, targets }: Lora): string {
  const config = { ...fixed, r: rank, lora_alpha: alpha, target_modules: [...targets].sort() };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/**
 * The LoRA of an adapter_config.json.
 * @param source the file's name, for errors
 * @throws Refusal that lists what is no LORA of plain linear modules
 */
export function parseAdapterConfig(text: string, source: string): Lora {
  let config: Record<string, unknown>;
  try {
    config = JSON.parse(text);
  } catch (cause) {
    throw new Refusal(`${source}: not JSON`, { cause });
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw new Refusal(`${source}: not a JSON object`);
  const { r: rank, lora_alpha: alpha, target_modules: targets } = config;
  const problems: string[] = [];
  for (const [key, values] of Object.entries(supported)) {
    const value = key in config ? config[key] : values[0];
    const expected = values.map((v) => JSON.stringify(v)).join(' or ');
    if (!values.includes(value))
      problems.push(`${key}: ${JSON.stringify(value)} is not supported, expected ${expected}`);
  }
  for (const key of ['rank_pattern', 'alpha_pattern']) {
    if (Object.keys((config[key] ?? {}) as object).length > 0)
      problems.push(`${key}: not supported, expected {}`);
  }
  if (!Number.isInteger(rank) || (rank as number) < 1) problems.push('r: expected a whole number above 0');
  if (typeof alpha !== 'number' || !(alpha > 0)) problems.push('lora_alpha: expected a number above 0');
  if (!Array.isArray(targets) || targets.length === 0 || !targets.every((t) => typeof t === 'string'))
    problems.push('target_modules: expected a list of names');
  if (problems.length > 0) throw new Refusal(`${source}: ${problems.join('; ')}`);
  return { rank: rank as number, alpha: alpha as number, targets: targets as string[] };
}
