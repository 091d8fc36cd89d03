import type { Measures, TaskKey, Update } from '../schemas/messages.js';
import type { NamedTensors } from '../schemas/tensors.js';

/** What an update of an open round must be. */
export interface Expected {
  key: TaskKey;
  deviceId: string;
  baseVersion: number;
  baseSha256: string;
  /** Names and shapes of the adapter; null for init, which makes them. */
  shapes: ReadonlyMap<string, readonly number[]> | null;
  maxNorm: number;
  /** What the task can have used at most, whatever the shard holds. */
  maxExamples: number;
}

/**
 * What is wrong with an update, well formed by itself (schemas/), before its tensors are looked at; '' when
 * nothing is. Failures go before.
 */
export function checkEnvelope(update: Update, expected: Expected): string {
  const { key, deviceId, baseVersion, baseSha256 } = expected;
  if (update.key.run !== key.run || update.key.round !== key.round || update.key.kind !== key.kind)
    return `it answers ${told(update.key)}, expected ${told(key)}`;
  if (update.deviceId !== deviceId) return `it is of device ${update.deviceId}, expected ${deviceId}`;
  if (update.failure !== '') return `the device could not do the task: ${update.failure}`;
  if (update.baseVersion !== baseVersion)
    return `it starts from version ${update.baseVersion}, expected ${baseVersion}`;
  if (update.baseSha256 !== baseSha256)
    return `it starts from adapter ${update.baseSha256.slice(0, 12)}…, expected ${baseSha256.slice(0, 12)}…`;
  return checkMeasures(key, update.measures, expected.maxExamples);
}

/** What is wrong with an update's tensors; '' when nothing is. */
export function checkTensors(tensors: NamedTensors, expected: Expected): string {
  if (expected.key.kind === 'evaluate')
    return tensors.size === 0 ? '' : 'it holds tensors, expected none in an evaluation';
  if (tensors.size === 0) return 'it holds no tensors';
  const misfit = expected.shapes ? checkShapes(tensors, expected.shapes) : checkFresh(tensors);
  return misfit || checkNumbers(tensors, expected.shapes ? expected.maxNorm : Number.POSITIVE_INFINITY);
}

function checkShapes(tensors: NamedTensors, shapes: ReadonlyMap<string, readonly number[]>): string {
  for (const [name, shape] of shapes) {
    const found = tensors.get(name)?.shape;
    if (!found) return `tensor ${name} is missing`;
    if (found.join() !== shape.join()) return `tensor ${name} is [${found}], expected [${shape}]`;
  }
  const extra = [...tensors.keys()].find((name) => !shapes.has(name));
  return extra === undefined ? '' : `tensor ${extra} is not in the adapter`;
}

/**
 * A fresh adapter changes nothing: B is zero, and A no more than its seed makes it (PEFT's Kaiming init, ±1/√in). No
 * limit of an update holds who makes it, and it is one device; what else it is named its engines look at.
 */
function checkFresh(tensors: NamedTensors): string {
  for (const [name, { shape, data }] of tensors) {
    const isB = name.endsWith('.lora_B.weight');
    if (!isB && !name.endsWith('.lora_A.weight')) continue;
    const limit = isB ? 0 : Math.fround((shape[1] ?? 1) ** -0.5);
    const found = data.find((value) => !(Math.abs(value) <= limit));
    if (found !== undefined)
      return `tensor ${name} of a fresh adapter holds ${found}, in size at most ${limit}`;
  }
  return '';
}

function checkNumbers(tensors: NamedTensors, maxNorm: number): string {
  let squares = 0;
  for (const [name, { data }] of tensors) {
    for (let i = 0; i < data.length; i++) {
      const value = data[i]!;
      if (!Number.isFinite(value)) return `tensor ${name} holds ${value} at ${i}, expected finite numbers`;
      squares += value * value;
    }
  }
  const norm = Math.sqrt(squares);
  return norm <= maxNorm ? '' : `its norm is ${norm.toPrecision(4)}, at most ${maxNorm} (maxUpdateNorm)`;
}

function checkMeasures({ kind }: TaskKey, { examples, loss }: Measures, maxExamples: number): string {
  if (kind === 'init') return '';
  if (examples === 0) return 'it used no examples';
  if (examples > maxExamples) return `it used ${examples} examples, the task has ${maxExamples} at most`;
  return loss < 0 ? `its loss is ${loss}, expected at least 0` : '';
}

const told = ({ run, round, kind }: TaskKey) => `${kind} of round ${round} of run ${run}`;
