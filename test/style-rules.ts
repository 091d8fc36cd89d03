/** What STYLE.md and docs/architecture.md ask for, as rules over source files. Pure: text in, problems out. */
export interface Source {
  /** From the repository's root, with slashes. */
  path: string;
  text: string;
}

/** Room → what it may import: rooms, or single files of rooms (their doors); *: all but test. A room may import itself. */
export const arrows: Record<string, readonly string[]> = {
  schemas: [],
  runtime: ['schemas'],
  telemetry: ['schemas', 'runtime'],
  identity: ['schemas', 'runtime'],
  broker: ['schemas', 'runtime', 'identity'],
  'device/engine': [
    ...['schemas/tensors.ts', 'schemas/refusal.ts', 'schemas/random.ts', 'schemas/half.ts'],
    'schemas/messages.ts', // The shapes of Lora, Training and Text.
    'schemas/module-pattern.ts', // What the keys of a Lora's patterns fit.
    'schemas/engine-settings.ts',
  ],
  device: [
    ...['schemas', 'runtime', 'telemetry', 'broker/client.ts', 'device/engine/engine.ts'],
    'identity/renewal.ts',
  ],
  coordinator: [
    ...['schemas', 'runtime', 'telemetry', 'broker/client.ts', 'identity/renewal.ts'],
    'identity/server-tls.ts', // Of the live page.
  ],
  builtin: ['schemas', 'runtime', 'device/engine/engine.ts', 'device/engine/rouge.ts'],
  cli: [
    ...[
      'schemas',
      'runtime',
      'identity',
      'broker/main.ts',
      'broker/client.ts',
      'broker/acl.ts',
      'broker/probe.ts',
      'coordinator/main.ts',
      'coordinator/backup.ts',
      'coordinator/restore.ts',
      'device/main.ts',
    ],
    ...['telemetry/influx-setup.ts', 'telemetry/newest.ts', 'telemetry/point.ts'],
    ...['telemetry/influx-inspection.ts', 'telemetry/clock.ts'],
    ...['image/main.ts', 'image/places.ts'],
    ...['device/engine/engine.ts', 'builtin/corpus.ts', 'builtin/text.ts', 'device/model-identity.ts'],
    ...['device/shards.ts', 'device/shard-fields.ts', 'device/shard-rows.ts', 'device/shard-text.ts'],
    ...['device/split.ts', 'device/trainer-messages.ts', 'device/sensors.ts', 'device/energy.ts'],
  ],
  grafana: ['schemas'],
  image: ['schemas', 'runtime', 'identity/bundle.ts', 'supply/pack.ts'],
  supply: ['schemas', 'runtime', 'builtin/corpus.ts'],
  bench: ['*'],
  test: ['*'],
};

/** Library → the files that may import it: one a room at most. */
export const owners: Record<string, readonly string[]> = {
  mqtt: ['broker/connection.ts'],
  aedes: [
    'broker/server.ts',
    ...['broker/admission.ts', 'broker/claim.ts', 'broker/delivery.ts', 'broker/gate.ts'],
    'broker/rights.ts', // These its types only.
  ],
  'mqtt-packet': ['broker/probe.ts'],
  ws: ['broker/server.ts'],
  'onnxruntime-node': ['device/engine/session.ts'],
  '@huggingface/hub': ['cli/pull/hub.ts'],
  '@huggingface/tokenizers': ['device/engine/tokenizer.ts'],
  'js-rouge': ['device/engine/rouge.ts'],
  protobufjs: ['schemas/codec.ts', 'device/engine/onnx.ts'],
  influx: ['telemetry/influx.ts'],
  yaml: ['runtime/settings.ts', 'grafana/files.ts'],
  'd3-scale': ['cli/report/frame.ts'],
  'd3-shape': ['cli/report/lines.ts'],
  'csv-parse': ['device/shard-rows.ts'],
  '@peculiar/x509': ['identity/x509.ts'],
  'reflect-metadata': ['identity/x509.ts'], // That library asks for it.
  jose: ['identity/token.ts'],
  pino: ['runtime/log.ts'],
  tar: ['coordinator/archive.ts'],
  'node-cron': ['coordinator/schedule.ts'],
  '@grafana/grafana-foundation-sdk': ['grafana/panel.ts', 'grafana/panels.ts', 'grafana/dashboard.ts'],
  'playwright-core': ['test/browser.ts'],
  '@grafana/schema': ['test/grafana/schema.ts'], // Its types alone, in a program that a test compiles.
};

export const maxLines = 300;
/** Files that are longer, and why. */
export const longFiles: Record<string, string> = {};

const vagueNames = ['utils', 'util', 'helpers', 'helper', 'common', 'manager', 'base', 'types', 'misc'];

/** Words that hide something, and what to do instead. The rules' own text is put together so that it passes. */
const bannedWords: readonly [RegExp, string][] = [
  [new RegExp(`\\b${'TO'}DO\\b|\\b${'FIX'}ME\\b|\\b${'XX'}X\\b`), 'leave no note of work to do'],
  [
    new RegExp(`\\bas ${'any'}\\b|: any(?=[[\\],;)]|$)|<${'any'}>`),
    'bytes become types at the door, not any',
  ],
  [new RegExp(`@ts-${'ignore'}|@ts-no${'check'}|biome-${'ignore'} lint`), 'mend what is complained about'],
  [/\b(test|it|describe)\.only\(/, 'all tests run'],
];

/** Where a topic's root may stand as text: the one file that builds topics. */
const topicRoot = new RegExp(`fleetune${'/v1'}`);

/** The room of a file. */
export function roomOf(path: string): string {
  return path.startsWith('device/engine/') ? 'device/engine' : path.slice(0, path.indexOf('/'));
}

/** Every breach of a rule, one line each. */
export function breaches(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => [
    ...sizeAndName(source),
    ...words(source),
    ...importsOf(source).flatMap((specifier) => importBreach(source.path, specifier)),
  ]);
}

function sizeAndName({ path, text }: Source): string[] {
  const lines = text.split('\n').length - 1;
  const stem = path.slice(path.lastIndexOf('/') + 1).replace(/\..*$/, '');
  return [
    ...(lines > maxLines && !longFiles[path]
      ? [`${path}: ${lines} lines, more than ${maxLines}: it holds a second idea`]
      : []),
    ...(vagueNames.includes(stem) ? [`${path}: a name that says nothing`] : []),
    ...(/^[a-z0-9]+(-[a-z0-9]+)*$/.test(stem) ? [] : [`${path}: file names are kebab-case`]),
  ];
}

function words({ path, text }: Source): string[] {
  const inTest = roomOf(path) === 'test';
  return text
    .split('\n')
    .flatMap((line, index) => [
      ...bannedWords
        .filter(([word]) => word.test(line))
        .map(([, instead]) => `${path}:${index + 1}: ${instead}`),
      ...(topicRoot.test(line) && !inTest && path !== 'schemas/topics.ts' && !/^\s*(\/\/|\/?\*)/.test(line)
        ? [`${path}:${index + 1}: topics are built in schemas/topics.ts only`]
        : []),
    ]);
}

/** Modules that a file names in an import, an export or a call of import(). */
export function importsOf({ text }: Source): string[] {
  const pattern =
    /(?:^|[\s;}])(?:import|export)\s[^'"`;]*?from\s*'([^']+)'|\bimport\(\s*'([^']+)'|^import\s*'([^']+)'/gm;
  return [...text.matchAll(pattern)].map(([, from, call, plain]) => (from ?? call ?? plain)!);
}

function importBreach(path: string, specifier: string): string[] {
  if (specifier.startsWith('node:')) return [];
  const room = roomOf(path);
  if (!specifier.startsWith('.')) return libraryBreach(path, room, specifier);
  const target = resolved(path, specifier);
  const allowed = arrows[room];
  if (!allowed)
    return [`${path}: ${room} is no room: add it to the arrows, and say why in docs/architecture.md`];
  const within = roomOf(target) === room || (allowed.includes('*') && roomOf(target) !== 'test');
  if (within || allowed.includes(roomOf(target)) || allowed.includes(target)) return [];
  return [`${path}: ${room} may not import ${target}`];
}

function libraryBreach(path: string, room: string, specifier: string): string[] {
  const parts = specifier.split('/');
  const name = specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]!;
  const files = owners[name];
  if (!files) return [`${path}: ${name} has no owner: add it to the owners, and to the README's list`];
  return files.includes(path) || room === 'test' || room === 'bench'
    ? []
    : [`${path}: ${name} belongs to ${files.join(' and ')}`];
}

/** schemas/x.ts, from cli/main.ts and ../schemas/x.js. */
function resolved(path: string, specifier: string): string {
  const parts = path.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/').replace(/\.js$/, '.ts');
}
