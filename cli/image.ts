import { readdirSync, readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspectModel } from '../device/engine/engine.js';
import { deviceSettings } from '../device/main.js';
import { bundleFiles, holderOf, parseCertificate, readBundle } from '../identity/bundle.js';
import { readToken } from '../identity/claim-token.js';
import { type BoardIdentity, type BoardModel, buildImage, type Format, formats } from '../image/main.js';
import { places } from '../image/places.js';
import { readArguments, variableOf } from '../runtime/settings.js';
import { brokerAddressOrNone } from '../schemas/addresses.js';
import { Refusal } from '../schemas/refusal.js';
import { checkSettings, type SettingsOf, type SettingTable } from '../schemas/settings.js';
import { namePattern } from '../schemas/topics.js';
import type { CommandTitle } from './commands.js';
import { isMirror, parseSums } from './pull/mirror.js';
import { describingFiles, indexFile, shardsOf } from './pull/selection.js';
import { bytesText } from './tables.js';

export const imageSettings = {
  out: { kind: 'text', default: './images', help: 'folder to write into' },
  cache: { kind: 'text', default: '', help: 'folder that keeps Node and the package for the next boards' },
  formats: { kind: 'list', default: formats, help: `what to make of ${formats.join(', ')}` },
  bundle: {
    kind: 'text',
    default: '',
    help: 'folder of `fleetune provision`: who the board is, key included',
  },
  claim: {
    kind: 'text',
    default: '',
    help: 'file with the token of `fleetune claim`: the board enrols at its first boot; its key is made there',
  },
  insecure: {
    kind: 'flag',
    default: false,
    help: 'a board without certificate and TLS, in a network that is yours alone',
  },
  broker: {
    kind: 'text',
    default: '',
    ...brokerAddressOrNone,
    help: 'URL of the broker; none: as the bundle or the claim’s authority says',
  },
  fleet: { kind: 'text', default: '', help: 'name of the fleet; none: as the bundle or the authority says' },
  model: {
    kind: 'text',
    default: '',
    help: 'model folder that the image brings along; none: the built-in model',
  },
  modelFrom: {
    kind: 'text',
    default: '',
    help: 'where the board fetches its model once: a name on the hub, an address, or a folder of the board',
  },
  modelRevision: {
    kind: 'text',
    default: 'main',
    help: 'of a model on the hub: a branch, a tag or a commit',
  },
  modelSums: {
    kind: 'text',
    default: '',
    help: 'SHA256SUMS file that the board holds against what it fetches from an address or a folder',
  },
  data: { kind: 'text', default: '', help: 'file of dialogues to train on that the image brings along' },
  evaluation: { kind: 'text', default: '', help: 'file of held-out ones that the image brings along' },
  settings: {
    kind: 'text',
    default: '',
    help: 'YAML file of further settings of the board’s device service',
  },
  cpuPercent: {
    kind: 'integer',
    default: 90,
    min: 1,
    max: 100,
    help: 'of the board’s cores together that the device service may use',
  },
} satisfies SettingTable;

type ImageSettings = SettingsOf<typeof imageSettings>;

/** `fleetune image ID`: what a board is flashed with. */
export async function image(argv: readonly string[], { name, summary }: CommandTitle): Promise<void> {
  const sources = { argv, env: process.env, command: name, summary };
  const { settings, operands } = readArguments(imageSettings, sources, 1);
  const [id] = operands;
  if (!id || !namePattern.test(id))
    throw new Refusal(
      `${name}: ${id ? `"${id}" is no id of a board` : 'needs the ID of a board'}: expected up to 64 letters, ` +
        `digits, _ and -, as barn-1\n(${name} --help lists its settings)`,
    );
  const report = (step: string) => void process.stderr.write(`${step}\n`);
  const identity = identityOf(id, settings);
  const board = {
    id,
    identity,
    model: await modelOf(settings),
    texts: await textsOf(settings),
    environment: environmentOf(id, identity, settings),
    cpuPercent: settings.cpuPercent,
  };
  const made = await buildImage(
    {
      board,
      formats: formatsOf(settings.formats),
      root: fileURLToPath(new URL('../..', import.meta.url)),
      cache: settings.cache || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fleetune'),
      out: settings.out,
    },
    report,
  );
  const { path, bytes, installedBytes } = made.deb;
  process.stdout.write(`${path}: ${bytesText(bytes)}, installed ${bytesText(installedBytes)}\n`);
  if (made.folder) process.stdout.write(`${made.folder}: ${settings.formats.join(', ')}: docs/flashing.md\n`);
}

function formatsOf(words: readonly string[]): Format[] {
  const unknown = words.filter((word) => !formats.includes(word as Format));
  if (unknown.length > 0)
    throw new Refusal(`--formats: ${unknown.join(', ')} is none of ${formats.join(', ')}`);
  return words as Format[];
}

/** @throws Refusal where it is not said who the board is, or the bundle or claim is another's */
function identityOf(id: string, settings: ImageSettings): BoardIdentity {
  const { bundle, claim, insecure, broker } = settings;
  if (settings.formats.every((format) => format === 'deb')) return { kind: 'none' }; // The package is nobody's.
  if (Number(bundle !== '') + Number(claim !== '') + Number(insecure) !== 1)
    throw new Refusal(
      'who is the board? Give one of --claim FILE (of `fleetune claim`), --bundle FOLDER (of `fleetune provision`), ' +
        'or --insecure with --broker URL in a network that is yours alone',
    );
  if (insecure) {
    if (broker === '')
      throw new Refusal('--insecure needs the address of the broker: --broker mqtt://server:1883');
    return { kind: 'none' };
  }
  if (claim !== '') {
    const token = textOf(claim, '--claim').trim();
    const { name } = readToken(token);
    if (name !== id) throw new Refusal(`${claim} (--claim) is a claim to be ${name}, not ${id}`);
    return { kind: 'claim', token };
  }
  const read = readBundle(bundle, '--bundle');
  if (!read.own)
    throw new Refusal(
      `${bundle} (--bundle) holds no ${bundleFiles.certificate}: make one with \`fleetune provision\``,
    );
  const holder = holderOf(parseCertificate(read.own.certificate, join(bundle, bundleFiles.certificate)));
  if (holder.name !== id || holder.role !== 'device')
    throw new Refusal(
      `${bundle} (--bundle) is of ${holder.role ?? 'no role'} ${holder.name || 'without a name'}, not of device ${id}`,
    );
  return { kind: 'bundle', bundle: read, settings: textOf(join(bundle, 'device.yaml'), '--bundle') };
}

function textOf(path: string, flag: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Refusal(`${path} (${flag}) can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Files of dialogues: setting of the device → path here. */
async function textsOf({ data, evaluation }: ImageSettings): Promise<Readonly<Record<string, string>>> {
  const given = Object.entries({ data, evaluation }).filter(([, path]) => path !== '');
  for (const [flag, path] of given) {
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile()) throw new Refusal(`${path} (--${flag}) is no file`);
    if (!/^[\w-][\w.-]*$/.test(basename(path)))
      throw new Refusal(`${path} (--${flag}): a file name of letters, digits, . _ and - is expected`);
  }
  if (data !== '' && evaluation !== '' && data !== evaluation && basename(data) === basename(evaluation))
    throw new Refusal(`${data} and ${evaluation} (--data, --evaluation) have one name: give them two`);
  return Object.fromEntries(given);
}

async function modelOf({ model, modelFrom, modelRevision, modelSums }: ImageSettings): Promise<BoardModel> {
  if (model !== '' && modelFrom !== '')
    throw new Refusal('--model brings a model along, --model-from lets the board fetch it: give one of them');
  if (modelSums !== '' && !isMirror(modelFrom))
    throw new Refusal(
      '--model-sums is for a --model-from that is an address or a folder: the hub has its own hashes',
    );
  if (model !== '') return { kind: 'preloaded', folder: model, files: await modelFiles(model) };
  if (modelFrom === '') return { kind: 'none' };
  if (modelFrom.startsWith('.'))
    throw new Refusal('--model-from: a folder of the board is expected, from / on');
  const sums = modelSums === '' ? '' : textOf(modelSums, '--model-sums');
  if (sums !== '') parseSums(sums, modelSums);
  return { kind: 'fetched', source: modelFrom, revision: modelRevision, sums };
}

/** Names of what belongs to a model. @throws Refusal with all that is wrong with it */
async function modelFiles(folder: string): Promise<string[]> {
  const { problems } = await inspectModel(folder);
  if (problems.length > 0) throw new Refusal(`${folder} (--model) can't be used: ${problems.join('; ')}`);
  const listed = readdirSync(folder).map((path) => ({
    path,
    size: 0,
    digest: { algorithm: 'sha256', hex: '' } as const,
  }));
  const { small, weights } = describingFiles(folder, listed);
  const shards = small.some(({ path }) => path === indexFile)
    ? shardsOf(folder, await readFile(join(folder, indexFile), 'utf8'), listed)
    : weights;
  return [...small, ...shards].map(({ path }) => path);
}

/** Variables of the device service. What the operator's file says goes before what an image says by itself. */
function environmentOf(id: string, identity: BoardIdentity, settings: ImageSettings): Record<string, string> {
  const { broker, fleet, model, modelFrom, data, evaluation } = settings;
  const own: Record<string, string> = {
    state: places.state,
    model: model === '' && modelFrom === '' ? `${places.program}/builtin/model` : places.model,
    ...(data === '' ? {} : { data: `${places.data}/${basename(data)}` }),
    ...(evaluation === '' ? {} : { evaluation: `${places.data}/${basename(evaluation)}` }),
    ...(broker === '' ? {} : { broker }),
    ...(fleet === '' ? {} : { fleet }),
    ...furtherSettings(settings.settings),
    id,
    ...(identity.kind === 'none'
      ? { insecure: 'true' }
      : { config: `${places.bundle}/device.yaml`, tls: places.bundle }),
  };
  const { config: _, ...checked } = own;
  const { problems } = checkSettings(deviceSettings, checked);
  if (problems.length > 0) throw new Refusal(`settings of the board: ${problems.join('; ')}`);
  return Object.fromEntries(Object.entries(own).map(([key, value]) => [variableOf(key), value]));
}

/** What a YAML file of device settings says. @throws Refusal with all that is wrong with it */
function furtherSettings(file: string): Record<string, string> {
  if (file === '') return {};
  const sources = { argv: ['--config', file], env: {}, command: '--settings', summary: '' };
  const { settings, given } = readArguments(deviceSettings, sources, 0);
  return Object.fromEntries(
    [...given].map((key) => [key, [settings[key as keyof typeof settings]].flat().join(',')]),
  );
}
