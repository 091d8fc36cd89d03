import type { Lora } from './messages.js';
import { expression, modulePattern } from './module-pattern.js';
import { Refusal } from './refusal.js';

/** What an adapter here is, in the keys of PEFT's LoraConfig; those of its Lora come beside them. */
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
  modules_to_save: null,
  layers_pattern: null,
  layers_to_transform: null,
  use_dora: false,
};

/** Values of a foreign file under which its tensors mean the same here; an absent key means the first. */
const supported: Record<string, readonly unknown[]> = {
  peft_type: ['LORA'],
  task_type: ['SEQ_2_SEQ_LM', null],
  bias: ['none'],
  fan_in_fan_out: [false],
  // The others change the base model as well (PiSSA, OLoRA, CorDA, LoftQ, LoRA-GA), or freeze B (MiCA).
  init_lora_weights: [true, false, 'gaussian', 'eva', 'orthogonal'],
};

/** Keys of which none changes what a trained adapter's tensors mean. */
const harmless = new Set([
  ...['auto_mapping', 'peft_version', 'base_model_name_or_path', 'revision', 'inference_mode'],
  ...['megatron_core', 'runtime_config', 'qalora_group_size', 'ensure_weight_tying', 'eva_config'],
]);

/** The text of PEFT's adapter_config.json. */
export function adapterConfig(lora: Lora): string {
  const config = {
    ...fixed,
    lora_dropout: lora.dropout ?? 0,
    rank_pattern: lora.rankPattern ?? {},
    alpha_pattern: lora.alphaPattern ?? {},
    use_rslora: lora.rslora ?? false,
    r: lora.rank,
    lora_alpha: lora.alpha,
    target_modules: [...lora.targets].sort(),
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/**
 * The LoRA of an adapter_config.json.
 * @param source the file's name, for errors
 * @param tensors names of the adapter's tensors: targets that are a pattern, or "all-linear", are those of them that
 *   fit it
 * @throws Refusal that lists what is no LORA of linear modules: every other key that says anything is refused by name
 */
export function parseAdapterConfig(text: string, source: string, tensors: Iterable<string> = []): Lora {
  const { config, problems } = checkedConfig(text, source);
  const expect = (right: boolean, key: string, expected: string) => {
    if (!right) problems.push(`${key}: expected ${expected}`);
  };
  const { r: rank, lora_alpha: alpha, lora_dropout: dropout = 0, use_rslora: rslora = false } = config;
  expect(isRank(rank), 'r', 'a whole number above 0');
  expect(isAlpha(alpha), 'lora_alpha', 'a number above 0');
  expect(typeof dropout === 'number' && dropout >= 0 && dropout < 1, 'lora_dropout', 'a number from 0 to 1');
  expect(typeof rslora === 'boolean', 'use_rslora', 'true or false');
  const patterns = (key: string, isValue: (value: unknown) => boolean, expected: string) => {
    const found = config[key] ?? {};
    expect(isPatterns(found, isValue), key, `patterns of module names, each with ${expected}`);
    return found as Record<string, number>;
  };
  const rankPattern = patterns('rank_pattern', isRank, 'a whole number above 0');
  const alphaPattern = patterns('alpha_pattern', isAlpha, 'a number above 0');
  const targets = targetsOf(config.target_modules, [...tensors]);
  expect(
    targets.length > 0,
    'target_modules',
    'names of modules, or a pattern that fits some of the tensors',
  );
  if (problems.length > 0) throw new Refusal(`${source}: ${problems.join('; ')}`);
  return {
    ...{ rank: rank as number, alpha: alpha as number, targets },
    ...(dropout ? { dropout: dropout as number } : {}),
    ...(rslora ? { rslora: true } : {}),
    ...(Object.keys(rankPattern).length > 0 ? { rankPattern } : {}),
    ...(Object.keys(alphaPattern).length > 0 ? { alphaPattern } : {}),
  };
}

const ours = new Set([
  ...['r', 'lora_alpha', 'lora_dropout', 'use_rslora', 'rank_pattern', 'alpha_pattern', 'target_modules'],
]);

/** The config's keys, and what is wrong with those that have no place in a Lora. */
function checkedConfig(text: string, source: string) {
  let config: Record<string, unknown>;
  try {
    config = JSON.parse(text);
  } catch (cause) {
    throw new Refusal(`${source}: not JSON`, { cause });
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw new Refusal(`${source}: not a JSON object`);
  const problems: string[] = [];
  for (const key of new Set([...Object.keys(supported), ...Object.keys(config)])) {
    if (ours.has(key) || harmless.has(key)) continue;
    const values = supported[key];
    const value = key in config ? config[key] : values?.[0];
    if (values ? values.includes(value) : saysNothing(value)) continue;
    const expected = values ? values.map((v) => JSON.stringify(v)).join(' or ') : 'nothing';
    problems.push(`${key}: ${JSON.stringify(value)} is not supported, expected ${expected}`);
  }
  return { config, problems };
}

/** null, false, '', and empty lists and objects: PEFT's ways to leave a key alone. */
const saysNothing = (value: unknown) =>
  !value || (typeof value === 'object' && Object.keys(value).length === 0);

const isRank = (value: unknown) => Number.isInteger(value) && (value as number) > 0;
const isAlpha = (value: unknown) => typeof value === 'number' && value > 0;

function isPatterns(found: unknown, isValue: (value: unknown) => boolean): boolean {
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return false;
  return Object.entries(found).every(([key, value]) => modulePattern(key) && isValue(value));
}

function targetsOf(targets: unknown, tensors: readonly string[]): string[] {
  if (Array.isArray(targets)) return targets.every((t) => typeof t === 'string') ? targets : [];
  if (typeof targets !== 'string') return [];
  const all = targets.toLowerCase() === 'all-linear';
  const pattern = all ? /./ : expression(`^(?:${targets})$`, targets);
  const modules = tensors.map((name) => /^base_model\.model\.(.+)\.lora_A\.weight$/.exec(name)?.[1]);
  return modules.filter((module): module is string => module !== undefined && pattern.test(module));
}
