import { Refusal } from '../../schemas/refusal.js';
import type { RepoFile } from './hub.js';

export const singleFile = 'model.safetensors';
export const indexFile = 'model.safetensors.index.json';

/**
 * The files of a model folder besides its weights, and where those are: in one file, or in the shards of an index.
 * @throws Refusal that names all that the repository lacks
 */
export function describingFiles(
  model: string,
  files: readonly RepoFile[],
): { small: RepoFile[]; weights: RepoFile[] } {
  const named = (name: string) => files.filter(({ path }) => path === name);
  const problems: string[] = [];
  if (named('config.json').length === 0) problems.push('no config.json: not a transformers model');
  if (named('tokenizer.json').length === 0)
    problems.push(
      named('spiece.model').length > 0
        ? 'no tokenizer.json, only spiece.model: a revision with a fast tokenizer is needed'
        : 'no tokenizer.json',
    );
  const weights = named(singleFile);
  const index = weights.length > 0 ? [] : named(indexFile);
  if (weights.length + index.length === 0) {
    const others = files.filter(({ path }) => /\.(bin|pt|pth|ckpt|h5|msgpack|gguf|onnx)$/.test(path));
    const only = others.length > 0 ? ` (only ${others.map(({ path }) => path).join(', ')})` : '';
    problems.push(
      `no ${singleFile} and no ${indexFile}${only}: pickled weights are not read; ` +
        'a revision with safetensors is needed (as the conversion bot offers: --revision refs/pr/N)',
    );
  }
  if (problems.length > 0) throw new Refusal(`${model} can't be used: ${problems.join('; ')}`);
  const small = ['config.json', 'tokenizer.json', 'generation_config.json'].flatMap(named);
  return { small: [...small, ...index], weights };
}

/**
 * The shards that an index names, in its order.
 * @param index text of model.safetensors.index.json
 * @throws Refusal for an index that is none, or that names what the repository lacks
 */
export function shardsOf(model: string, index: string, files: readonly RepoFile[]): RepoFile[] {
  let map: unknown;
  try {
    map = (JSON.parse(index) as { weight_map?: unknown } | null)?.weight_map;
  } catch {
    throw new Refusal(`${model}: its ${indexFile} is not JSON`);
  }
  const names = [...new Set(Object.values((map as Record<string, unknown> | undefined) ?? {}).map(String))];
  const shards = names.flatMap((name) =>
    files.filter(({ path }) => path === name && /^[\w-][\w.-]*$/.test(path)),
  );
  if (names.length === 0) throw new Refusal(`${model}: its ${indexFile} has no weight_map`);
  const lacking = names.filter((name) => !shards.some(({ path }) => path === name));
  if (lacking.length > 0)
    throw new Refusal(`${model} lacks ${lacking.join(', ')}, which its ${indexFile} names`);
  return shards;
}
