import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { entry, fleetune } from '../cli/command.js';
import { filesBelow, modelMissing, runFlags } from './fleet.js';

/** Why a pseudo-terminal can't be had here; undefined where it can. */
function terminalMissing(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux: /proc and script of util-linux';
  try {
    execFileSync('script', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'script of util-linux is not installed';
  }
}

const skip = terminalMissing() ?? modelMissing ?? false;
const controlC = '\x03';

/** A demo on a pseudo-terminal, marked so that all that it starts can be found. */
class TerminalDemo {
  readonly #mark: string;
  readonly #script: ChildProcess;
  #screen = '';
  #changed: () => void = () => {};

  constructor(folder: string, mark: string, flags: readonly string[]) {
    this.#mark = `DEMO_MARK=${mark}`;
    const command = [process.execPath, entry, 'demo', '--folder', folder, ...flags].join(' ');
    this.#script = spawn('script', ['-qefc', command, '/dev/null'], {
      env: { ...process.env, DEMO_MARK: mark },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#script.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#screen += text;
      this.#changed();
    });
    this.#script.once('exit', () => this.#changed());
  }

  press(key: string): void {
    this.#script.stdin!.write(key);
  }

  async shows(text: string): Promise<void> {
    while (!this.#screen.includes(text)) {
      if (this.#script.exitCode !== null) throw new Error(`ended without "${text}": ${this.#screen}`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  async ended(): Promise<number | null> {
    if (this.#script.exitCode === null) await once(this.#script, 'exit');
    return this.#script.exitCode;
  }

  get screen(): string {
    return this.#screen;
  }

  /** Command lines of all that the demo started and that still runs. */
  async running(): Promise<string[]> {
    const found: string[] = [];
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      if (!environment.split('\0').includes(this.#mark)) continue;
      found.push(
        (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim(),
      );
    }
    return found.filter((line) => line !== '');
  }
}

/** What demos left of the folders in which they worked. */
const workingFolders = async (folder: string) =>
  (await readdir(folder)).filter((name) => name.startsWith('demo-'));

/** Screens after which Ctrl-C is pressed, and how many processes of Node there are at least by then. */
const moments = [
  { name: 'while services start', text: 'at work in', services: 1 },
  { name: 'while devices train', text: 'training', services: 6 },
];

for (const [index, { name, text, services }] of moments.entries()) {
  test(`Ctrl-C ${name} leaves nothing running and nothing of the text`, { skip }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fleetune-interrupt-'));
    const demo = new TerminalDemo(folder, `interrupt-${process.pid}-${index}`, runFlags);
    try {
      await demo.shows(text);
      const before = (await demo.running()).filter((line) => line.includes('main.js'));
      assert.ok(before.length >= services, before.join('\n'));
      demo.press(controlC);
      const code = await demo.ended();
      assert.deepEqual(await demo.running(), []);
      assert.equal(code, 130, demo.screen);
      assert.match(demo.screen, /stopping all services/);
      assert.doesNotMatch(demo.screen, /unexpected|^ +at .+:\d+:\d+/m);
      assert.deepEqual(await workingFolders(folder), []);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

test('Ctrl-C after the result was told, while devices train alone, leaves the result', { skip }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-alone-'));
  const flags = [...runFlags, '--devices', '2', '--rounds', '1', '--steps', '1', '--alone'];
  const demo = new TerminalDemo(folder, `alone-${process.pid}`, flags);
  try {
    await demo.shows('alone, on its own');
    demo.press(controlC);
    assert.equal(await demo.ended(), 130, demo.screen);
    const home = /^result: (.+?): summary\.json/m.exec(demo.screen)![1]!;
    const parts = await readdir(home);
    for (const part of ['summary.json', 'adapter', 'logs']) assert.ok(parts.includes(part), part);
    assert.deepEqual(await workingFolders(folder), []);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a demo that fails leaves its logs, and nothing of the text', {
  skip: modelMissing ?? false,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-failed-'));
  try {
    const hopeless = ['--min-devices', '9', '--wait-s', '0', '--on-failed-round', 'stop'];
    const { code, err } = await fleetune(['demo', '--folder', folder, ...runFlags, ...hopeless]);
    assert.equal(code, 1, err);
    const [left, ...others] = await workingFolders(folder);
    assert.deepEqual(others, []);
    assert.match(err, new RegExp(`^fleetune: run \\S+ failed: .+: see .*${left}\n$`));
    assert.ok((await readdir(join(folder, left!))).includes('logs'));
    const found = await filesBelow(join(folder, left!), (path) => !/\.jsonl$|devices/.test(path));
    assert.deepEqual(
      found.filter((path) => !path.includes('journal')),
      [],
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a start right after an interrupted one runs to its end, in the same folder', { skip }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-again-'));
  try {
    const first = new TerminalDemo(folder, `again-${process.pid}-1`, runFlags);
    await first.shows('round 1');
    first.press(controlC);
    await first.ended();
    const second = new TerminalDemo(folder, `again-${process.pid}-2`, [...runFlags, '--rounds', '1']);
    assert.equal(await second.ended(), 0, second.screen);
    assert.deepEqual(await second.running(), []);
    for (const part of [
      'before → after: loss',
      'summary before:',
      'summary after:',
      'peak memory:',
      'summary.json',
    ])
      assert.ok(second.screen.includes(part), part);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
