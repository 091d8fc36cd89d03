import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { builtinModel } from '../../cli/builtin-model.js';
import { fleetune } from '../cli/command.js';
import { modelMissing } from './fleet.js';

const modelFiles = ['config.json', 'model.safetensors', 'tokenizer.json'];
const skip = modelMissing ?? false;

/** Runs a command that must be refused: one or two lines that say what to do, exit code 1, no stack. */
async function refused(argv: readonly string[], told: RegExp): Promise<void> {
  const { code, err } = await fleetune(argv);
  const lines = err
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('{')); // Without the log's own lines.
  assert.equal(code, 1, err);
  assert.ok(lines.length <= 2, `more than two lines: ${err}`);
  assert.match(lines.join('\n'), told);
  assert.doesNotMatch(err, /^\s+at |unexpected/m);
}

async function inFolder(work: (folder: string) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-bad-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The built-in model's folder, with what the test does to it. */
async function modelFolder(folder: string, change: (model: string) => Promise<void>): Promise<string> {
  const model = join(folder, 'model');
  await mkdir(model);
  for (const name of modelFiles) await copyFile(join(builtinModel, name), join(model, name));
  await change(model);
  return model;
}

const changes: { name: string; change: (model: string) => Promise<void>; told: RegExp }[] = [
  {
    name: 'a truncated model file',
    change: async (model) => {
      const path = join(model, 'model.safetensors');
      const bytes = await readFile(path);
      await writeFile(path, bytes.subarray(0, bytes.length - 100));
    },
    told: /model\.safetensors: .*(cut short|ends at)/,
  },
  {
    name: 'a missing tokenizer',
    change: (model) => rm(join(model, 'tokenizer.json')),
    told: /tokenizer\.json(: no such file| is missing)/,
  },
  {
    name: 'a config that is no JSON',
    change: (model) => writeFile(join(model, 'config.json'), '{"d_model": '),
    told: /config\.json: not (a whole )?JSON/,
  },
];

for (const { name, change, told } of changes) {
  test(`${name} is refused by demo, device and summarize`, { skip }, async () => {
    await inFolder(async (folder) => {
      const model = await modelFolder(folder, change);
      const dialogue = join(folder, 'dialogue.txt');
      await writeFile(dialogue, 'Ann: It leaks.\nBob: I come at five.\n');
      await refused(['demo', '--model', model, '--folder', join(folder, 'runs')], told);
      await refused(['device', '--model', model, '--state', join(folder, 'state')], told);
      await refused(['summarize', '--model', model, dialogue], told);
    });
  });
}

test('a taken port is refused by name', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  try {
    await refused(
      ['broker', '--port', String(port), '--ws-port', '-1'],
      new RegExp(`${port}.*(taken|in use)`),
    );
  } finally {
    server.close();
  }
});

test('an unreachable broker is refused by its address', async () => {
  await inFolder(async (folder) => {
    const broker = ['--broker', 'mqtt://127.0.0.1:1', '--connect-s', '1'];
    const told = /no broker answered at mqtt:\/\/127\.0\.0\.1:1/;
    await refused(['coordinator', ...broker, '--runs', folder], told);
    await refused(['devices', ...broker], told);
    await refused(['rounds', 'start', ...broker], told);
  });
});

test('a folder that can’t be written to is refused by name', async () => {
  await inFolder(async (folder) => {
    const file = join(folder, 'a-file');
    await writeFile(file, '');
    const below = join(file, 'below'); // Nobody, root included, may make a folder in a file.
    await refused(['coordinator', '--runs', below], /can't write to .*a-file\/below/);
    await refused(['demo', '--folder', below], /can't write to .*a-file\/below/);
    await refused(['device', '--state', below], /can't write to .*a-file\/below/);
  });
});

test('text that can’t be read is refused by file and line', { skip }, async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'rows.jsonl');
    await writeFile(path, '{"dialogue": "A: hi", "summary": "hi"}\n{"dialogue": \n');
    await refused(['demo', '--folder', folder, '--data', path], /rows\.jsonl line 2: not JSON/);
    await refused(
      ['demo', '--folder', folder, '--data', join(folder, 'none.csv')],
      /none\.csv: no such file/,
    );
  });
});

test('wrong flags are refused with what was expected', async () => {
  await refused(['broker', '--port', '70000'], /--port: "70000" is not a whole number from 0 to 65535/);
  await refused(['coordinator', '--optimizer', 'sgd'], /--optimizer: "sgd" is not one of fedavg/);
  await refused(['summarize', '--lim', '3'], /--lim: no such flag \(did you mean --limit\?\)/);
  await refused(['broker', '--host', '0.0.0.0'], /--insecure/);
  for (const command of [['status'], ['devices'], ['rounds', 'start'], ['rounds', 'stop']])
    await refused([...command, '--fleet', 'a#'], /--fleet: "a#" is not a name of letters, digits/);
});
