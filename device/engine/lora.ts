import type { Lora } from '../../schemas/messages.js';
import { modulePattern } from '../../schemas/module-pattern.js';
import { random } from '../../schemas/random.js';
import { Refusal } from '../../schemas/refusal.js';
import type { NamedTensors } from '../../schemas/tensors.js';
import { type T5Config, tensorShapes } from './config.js';

/** What an adapter adds to a linear module [out, in]: y += scale · (x Aᵀ) Bᵀ, with A [rank, in] and B [out, rank]. */
export interface Adapted {
  out: number;
  in: number;
  rank: number;
  scale: number;
}

/**
 * The linear modules that get an adapter: those whose name is a target or ends in one, as in PEFT. Rank and alpha are
 * those of the first pattern that fits the name, else those of all.
 * @throws Refusal that names the targets that fit no linear module of the model's blocks (its head is none)
 */
export function adaptedModules(config: T5Config, lora: Lora): Map<string, Adapted> {
  const rankOf = byPattern(lora.rankPattern, lora.rank);
  const alphaOf = byPattern(lora.alphaPattern, lora.alpha);
  const fits = (module: string, target: string) => module === target || module.endsWith(`.${target}`);
  const modules = new Map<string, Adapted>();
  for (const [name, [out, inner]] of tensorShapes(config)) {
    const module = name.replace(/\.weight$/, '');
    if (!linear.test(module) || !lora.targets.some((target) => fits(module, target))) continue;
    const [rank, alpha] = [rankOf(module), alphaOf(module)];
    const scale = alpha / (lora.rslora ? Math.sqrt(rank) : rank);
    modules.set(module, { out: out!, in: inner!, rank, scale });
  }
  const unknown = lora.targets.filter(
    (target) => ![...modules.keys()].some((module) => fits(module, target)),
  );
  if (unknown.length > 0)
    throw new Refusal(`LoRA targets ${unknown.join(', ')}: this model's blocks have no such linear module`);
  return modules;
}

const linear = /\.(q|k|v|o|wi|wi_0|wi_1|wo)$/;

/** The value of the first pattern that fits a module's name. */
function byPattern(patterns: Readonly<Record<string, number>> = {}, otherwise: number) {
  const compiled = Object.entries(patterns).map(([key, value]) => [modulePattern(key), value] as const);
  return (module: string) => compiled.find(([pattern]) => pattern.test(module))?.[1] ?? otherwise;
}

/** PEFT's names of a module's two matrices, A and B. */
export const matrixNames = (module: string) =>
  [`base_model.model.${module}.lora_A.weight`, `base_model.model.${module}.lora_B.weight`] as const;

/** Shapes of all tensors of an adapter, by PEFT name. */
export function adapterShapes(config: T5Config, lora: Lora): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  for (const [module, adapted] of adaptedModules(config, lora)) {
    const [a, b] = matrixNames(module);
    shapes.set(a, [adapted.rank, adapted.in]).set(b, [adapted.out, adapted.rank]);
  }
  return shapes;
}

/** A fresh adapter, which changes nothing: A uniform in ±1/√in (PEFT's Kaiming init with a = √5), B zero. */
export function freshAdapter(config: T5Config, lora: Lora, seed: number): NamedTensors {
  const next = random(seed);
  const adapter: NamedTensors = new Map();
  for (const [name, shape] of adapterShapes(config, lora)) {
    const data = new Float32Array(shape[0]! * shape[1]!);
    const limit = shape[1]! ** -0.5;
    if (name.includes('.lora_A.')) for (let i = 0; i < data.length; i++) data[i] = (2 * next() - 1) * limit;
    adapter.set(name, { shape, data });
  }
  return adapter;
}

/** @throws Refusal that names the first tensor that is missing, of another shape, or too many */
export function requireAdapter(config: T5Config, lora: Lora, adapter: NamedTensors): void {
  const shapes = adapterShapes(config, lora);
  for (const [name, shape] of shapes) {
    const found = adapter.get(name);
    if (!found) throw new Refusal(`adapter: ${name} is missing`);
    if (`${found.shape}` !== `${shape}`)
      throw new Refusal(`adapter: ${name} is [${found.shape}], expected [${shape}]`);
  }
  const extra = [...adapter.keys()].find((name) => !shapes.has(name));
  if (extra)
    throw new Refusal(
      `adapter: ${extra} belongs to no target of this model (targets ${lora.targets.join(', ')})`,
    );
}
