import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename, join } from 'node:path';
import type { Bundle } from '../identity/bundle.js';
import { type Entry, program, readable, secret } from './entries.js';
import { environmentText } from './environment.js';
import { installScript } from './install-script.js';
import { places } from './places.js';
import { firstBoot } from './units.js';

/** Who a board is when it wakes: somebody already, somebody who has a claim to be, or nobody (plain MQTT). */
export type BoardIdentity =
  | { kind: 'bundle'; bundle: Bundle; settings: string }
  | { kind: 'claim'; token: string }
  | { kind: 'none' };

/** Where a board has its model from. */
export type BoardModel =
  | { kind: 'preloaded'; folder: string; files: readonly string[] }
  | { kind: 'fetched'; source: string; revision: string; sums: string }
  | { kind: 'none' };

export interface Board {
  id: string;
  identity: BoardIdentity;
  model: BoardModel;
  /** Files of dialogues that come along, by what they are for. */
  texts: Readonly<Record<string, string>>;
  /** Variables of its device service. */
  environment: Readonly<Record<string, string>>;
  /** Of all its cores together that the service may use. */
  cpuPercent: number;
}

/** What a board is made of at its first boot: a folder with a script. Paths are below that folder. */
export async function seedEntries(board: Board, deb: string): Promise<Entry[]> {
  const { id, environment, cpuPercent } = board;
  const files: Entry[] = [
    { path: basename(deb), mode: readable, content: { copyOf: deb } },
    ...identityEntries(board.identity),
    ...modelEntries(board.model),
    ...Object.values(board.texts).map((path) => ({
      path: `data/${basename(path)}`,
      mode: secret,
      content: { copyOf: path },
    })),
    { path: 'device.env', mode: secret, content: environmentText(environment) },
    { path: firstBoot.name, mode: readable, content: firstBoot.text },
  ];
  const sums = await Promise.all(
    files.map(async ({ path, content }) => `${await sumOf(content)}  ${path}\n`),
  );
  return [
    ...files,
    { path: 'SHA256SUMS', mode: readable, content: sums.join('') },
    { path: 'install', mode: program, content: installScript({ id, deb: basename(deb), cpuPercent }) },
  ];
}

/** Files of the seed that nobody but the board may have. */
export const seedSecrets = ['claim', 'tls', 'data', 'device.env'];

function identityEntries(identity: BoardIdentity): Entry[] {
  if (identity.kind === 'none') return [];
  if (identity.kind === 'claim') return [{ path: 'claim', mode: secret, content: `${identity.token}\n` }];
  const { bundle, settings } = identity;
  const { own, authority } = bundle;
  return [
    ...(own ? [{ path: 'tls/tls.key', mode: secret, content: own.key }] : []),
    ...(own ? [{ path: 'tls/tls.crt', mode: readable, content: own.certificate }] : []),
    ...(authority === undefined ? [] : [{ path: 'tls/ca.crt', mode: readable, content: authority }]),
    { path: 'tls/device.yaml', mode: readable, content: settings },
  ];
}

function modelEntries(model: BoardModel): Entry[] {
  if (model.kind === 'none') return [];
  if (model.kind === 'preloaded')
    return model.files.map((file) => ({
      path: `model/${file}`,
      mode: readable,
      content: { copyOf: join(model.folder, file) },
    }));
  const variables = {
    FLEETUNE_MODEL_SOURCE: model.source,
    FLEETUNE_REVISION: model.revision,
    ...(model.sums === '' ? {} : { FLEETUNE_SUMS: places.modelSums }),
  };
  return [
    { path: 'model.env', mode: readable, content: environmentText(variables) },
    ...(model.sums === '' ? [] : [{ path: 'model.sha256', mode: readable, content: model.sums }]),
  ];
}

async function sumOf(content: Entry['content']): Promise<string> {
  const hash = createHash('sha256');
  if (typeof content === 'string' || content instanceof Uint8Array) hash.update(content);
  else if ('copyOf' in content)
    for await (const piece of createReadStream(content.copyOf, { highWaterMark: 2 ** 20 }))
      hash.update(piece as Buffer);
  return hash.digest('hex');
}
