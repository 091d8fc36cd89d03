import type { Lora } from '../../schemas/messages.js';
import { random } from '../../schemas/random.js';
import { Refusal } from '../../schemas/refusal.js';
import type { NamedTensors } from '../../schemas/tensors.js';
import { type T5Config, tensorShapes } from './config.js';

/** The linear modules that get an adapter, with their [out, in]: those whose last name is a target, as in PEFT. */
export function adaptedModules(config: T5Config, { targets }: Lora): Map<string, [number, number]> {
  const modules = new Map<string, [number, number]>();
  for (const [name, shape] of tensorShapes(config)) {
    const module = name.replace(/\.weight$/, '');
    if (shape.length === 2 && targets.includes(module.split('.').at(-1)!))
      modules.set(module, shape as [number, number]);
  }
  const unknown = targets.filter(
    (target) => ![...modules.keys()].some((module) => module.split('.').at(-1) === target),
  );
  if (unknown.length > 0)
    throw new Refusal(`LoRA targets ${unknown.join(', ')}: this model has no such linear module`);
  return modules;
}

/** PEFT's names of a module's two matrices: A [rank, in] and B [out, rank]; y += alpha/rank · (x Aᵀ) Bᵀ. */
export const matrixNames = (module: string) =>
  [`base_model.model.${module}.lora_A.weight`, `base_model.model.${module}.lora_B.weight`] as const;

/** Shapes of all tensors of an adapter, by PEFT name. */
export function adapterShapes(config: T5Config, lora: Lora): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  for (const [module, [out, inner]] of adaptedModules(config, lora)) {
    const [a, b] = matrixNames(module);
    shapes.set(a, [lora.rank, inner]).set(b, [out, lora.rank]);
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
