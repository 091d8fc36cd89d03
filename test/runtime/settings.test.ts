import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { helpText, readArguments, readSettings } from '../../runtime/settings.js';
import type { SettingTable } from '../../schemas/settings.js';

const table = {
  port: { kind: 'integer', default: 1883, min: 0, max: 65535, help: 'of MQTT' },
  maxPacketBytes: { kind: 'integer', default: 100, min: 1, max: 1000, help: 'limit of a packet' },
  offset: { kind: 'number', default: 0, min: -10, max: 10, help: 'shift' },
  name: { kind: 'text', default: '', help: 'of the thing' },
  mode: { kind: 'choice', default: 'fast', choices: ['fast', 'slow'] as const, help: 'pace' },
  loraTargets: { kind: 'list', default: ['q', 'v'], help: 'modules' },
  insecure: { kind: 'flag', default: false, help: 'open to all' },
} satisfies SettingTable;

const folder = mkdtempSync(join(tmpdir(), 'fleetune-settings-'));
after(() => rmSync(folder, { recursive: true }));
function yaml(text: string): string {
  const path = join(folder, 'thing.yaml');
  writeFileSync(path, text);
  return path;
}

const read = (argv: string[], env: Record<string, string> = {}) =>
  readSettings(table, { argv, env, command: 'fleetune thing', summary: 'does a thing' });
/** The lines of the refusal, without the first and the last, which every one has. */
function problemsOf(argv: string[], env: Record<string, string> = {}): string[] {
  try {
    read(argv, env);
  } catch (error) {
    assert.equal((error as Error).name, 'Refusal');
    const lines = (error as Error).message.split('\n').map((line) => line.trim());
    assert.equal(lines.pop(), '(fleetune thing --help lists its settings)');
    return lines
      .join('\n')
      .replace(/^fleetune thing: ?\n?/, '')
      .split('\n');
  }
  assert.fail('it was accepted');
}

test('a flag goes before the environment, that before the file, that before the default', () => {
  const config = yaml('port: 1\nmaxPacketBytes: 1\noffset: 1\n');
  const env = { FLEETUNE_PORT: '2', FLEETUNE_MAX_PACKET_BYTES: '2', FLEETUNE_CONFIG: '/nowhere' };
  const settings = read(['--config', config, '--port', '3'], env);
  assert.deepEqual(settings, {
    port: 3,
    maxPacketBytes: 2,
    offset: 1,
    name: '',
    mode: 'fast',
    loraTargets: ['q', 'v'],
    insecure: false,
  });
});

test('flags take their value behind a blank or an equals sign, negative numbers and lists too', () => {
  const settings = read([
    '--offset',
    '-2.5',
    '--max-packet-bytes=7',
    '--lora-targets',
    'q,k',
    '--mode',
    'slow',
  ]);
  assert.equal(settings.offset, -2.5);
  assert.equal(settings.maxPacketBytes, 7);
  assert.deepEqual(settings.loraTargets, ['q', 'k']);
  assert.equal(read(['--name=--odd=x']).name, '--odd=x');
  assert.equal(read(['--name', '-']).name, '-');
});

test('a repeated list adds to it, of any other flag the last counts', () => {
  assert.deepEqual(read(['--lora-targets', 'q', '--lora-targets', 'k,v']).loraTargets, ['q', 'k', 'v']);
  assert.equal(read(['--port', '1', '--port', '2']).port, 2);
});

test('a flag alone is true, with no- before it false', () => {
  assert.equal(read(['--insecure']).insecure, true);
  assert.equal(read(['--insecure', '--port', '1']).insecure, true);
  assert.equal(read(['--insecure=false']).insecure, false);
  assert.equal(read(['--insecure', 'false']).insecure, false);
  assert.equal(read(['--no-insecure'], { FLEETUNE_INSECURE: 'true' }).insecure, false);
  assert.deepEqual(problemsOf(['--no-port']), ['--no-port: no such flag']);
});

test('the file may be named by the environment, and keeps YAML’s types', () => {
  const config = yaml('# of the thing\ninsecure: true\nloraTargets: [q, k]\nname: 12\n');
  const settings = read([], { FLEETUNE_CONFIG: config });
  assert.deepEqual([settings.insecure, settings.loraTargets, settings.name], [true, ['q', 'k'], '12']);
  assert.equal(read(['--config', yaml('')]).port, 1883);
});

test('an empty variable is none, and those of other services are passed over', () => {
  assert.equal(read([], { FLEETUNE_PORT: '', FLEETUNE_MODEL: 'x' }).port, 1883);
});

test('all problems are told at once, each with where it came from and what was expected', () => {
  const config = yaml('offset: far\nprot: 5\n');
  const argv = ['--port', 'x', '--mode=quick', '--lora-target', 'q', 'word', '--config', config, '--name'];
  assert.deepEqual(problemsOf(argv, { FLEETUNE_MAX_PACKET_BYTES: '1001' }), [
    '--lora-target: no such flag (did you mean --lora-targets?)',
    '--name: needs a value',
    'q: a word that belongs to no flag',
    'word: a word that belongs to no flag',
    `${config}: prot: no such setting`,
    '--port: "x" is not a whole number from 0 to 65535',
    'FLEETUNE_MAX_PACKET_BYTES: "1001" is not a whole number from 1 to 1000',
    `${config}: offset: "far" is not a number from -10 to 10`,
    '--mode: "quick" is not one of fast, slow',
  ]);
});

test('a value missing before the next flag is a problem of its own', () => {
  assert.deepEqual(problemsOf(['--port', '--insecure']), ['--port: needs a value']);
  assert.deepEqual(problemsOf(['--port=']), ['--port: "" is not a whole number from 0 to 65535']);
});

test('a file that is absent, no YAML or no list of keys is refused by its name and line', () => {
  assert.match(problemsOf(['--config', '/nowhere/x.yaml'])[0]!, /^\/nowhere\/x\.yaml: .*ENOENT/);
  assert.match(
    problemsOf(['--config', yaml('port: 1\nmode: [')])[0]!,
    /thing\.yaml:\d: not a readable YAML file/,
  );
  for (const text of ['- port', 'port', '5'])
    assert.match(problemsOf(['--config', yaml(text)])[0]!, /expected lines of "key: value"/);
});

test('operands are handed out up to the number that the command takes', () => {
  const sources = { env: {}, command: 'fleetune thing', summary: '' };
  const { operands, settings } = readArguments(
    table,
    { ...sources, argv: ['a', '--port', '1', '--', '--b'] },
    2,
  );
  assert.deepEqual(operands, ['a', '--b']);
  assert.equal(settings.port, 1);
  assert.throws(
    () => readArguments(table, { ...sources, argv: ['a', 'b'] }, 1),
    /b: a word that belongs to no flag/,
  );
});

test('help has a line for each setting, with its flag, meaning and default', () => {
  const help = helpText('fleetune thing', 'does a thing', table);
  assert.match(help, /^fleetune thing: does a thing\n/);
  assert.match(help, /--max-packet-bytes N +limit of a packet \(default 100\)\n/);
  assert.match(help, /--mode WORD +pace \(fast, slow; default fast\)\n/);
  assert.match(help, /--lora-targets A,B +modules \(default q,v\)\n/);
  assert.match(help, /--name TEXT +of the thing \(default none\)\n/);
  assert.match(help, /--insecure +open to all \(default false\)\n/);
  assert.match(help, /--config TEXT +a YAML file/);
  assert.match(help, /variable too: FLEETUNE_MAX_PACKET_BYTES for --max-packet-bytes\.\n/);
  const { port } = table;
  assert.match(helpText('fleetune thing', 'does a thing', { port }), /: FLEETUNE_PORT for --port\.\n/);
});

test('--help prints the help and ends the process well, whatever else is wrong', () => {
  const settings = new URL('../../runtime/settings.js', import.meta.url).href;
  const code = `import { readSettings } from ${JSON.stringify(settings)};
    readSettings({ port: { kind: 'integer', default: 1, min: 0, max: 9, help: 'of it' } },
      { argv: ['--port', 'x', '--help'], env: {}, command: 'fleetune thing', summary: 'does a thing' });
    console.log('not reached');`;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  assert.match(out, /--port N +of it \(default 1\)/);
  assert.doesNotMatch(out, /not reached/);
});
