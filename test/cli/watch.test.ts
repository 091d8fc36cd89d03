import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { Fleet, until } from '../coordinator/fleet.js';
import { fleet as fleetName } from '../coordinator/scripted-device.js';
import { entry } from './command.js';

/** A program whose output is awaited, never guessed at. */
class Shown {
  readonly child: ChildProcess;
  text = '';
  #changed: () => void = () => {};

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
      this.#changed();
    });
    child.once('exit', () => this.#changed());
  }

  /** Waits until it shows something after what it showed at `from`. */
  shows(pattern: RegExp, from = 0): Promise<void> {
    return this.#until(() => pattern.test(stripVTControlCharacters(this.text.slice(from))), pattern.source);
  }

  /** As `shows`, for what commands the terminal. */
  writes(text: string, from: number): Promise<void> {
    return this.#until(() => this.text.includes(text, from), JSON.stringify(text));
  }

  async #until(met: () => boolean, what: string): Promise<void> {
    while (!met()) {
      if (this.child.exitCode !== null) throw new Error(`ended without ${what}: ${this.text}`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  async ended(): Promise<number | null> {
    const { exitCode, signalCode } = this.child;
    if (exitCode === null && signalCode === null) await once(this.child, 'exit');
    return this.child.exitCode;
  }
}

const flags = (url: string) => ['watch', '--broker', url, '--fleet', fleetName];
const device = { id: 'a', step: 0.5, examples: 4 };

test('started before a run it tells the run, a broker that goes and comes back, and the run after', async (t) => {
  const fleet = await Fleet.start(t);
  const shown = new Shown(spawn(process.execPath, [entry, ...flags(fleet.url)]));
  fleet.atEnd(() => void shown.child.kill('SIGKILL'));
  await fleet.coordinator();
  await shown.shows(/no run yet\n/);
  await fleet.device(device);
  await shown.shows(/ a is ready: 4 examples, version test\n/);
  await fleet.trigger({ id: 't1' });
  await shown.shows(/ run \S+: 2 rounds\n/);
  await shown.shows(/ a answered: .*\n/);
  await shown.shows(/ round 2 is evaluated: 1 of 1 device, .*held-out loss/);
  await shown.shows(/ run \S+ completed, 2 rounds, before → after: loss /);
  const before = shown.text.length;
  fleet.status = undefined;
  await fleet.restartBroker();
  await shown.shows(/ the broker is away: it is tried again\n[\s\S]* the broker is back\n/, before);
  const again = shown.text.length;
  // The coordinator says its status again when it is back: before, nobody would hear the trigger.
  await until(() => fleet.status !== undefined, 'the coordinator');
  await fleet.trigger({ id: 't2' });
  await shown.shows(/ run \S+ completed, 2 rounds/, again);
  shown.child.kill('SIGINT');
  assert.equal(await shown.ended(), 130);
  assert.equal(shown.text, stripVTControlCharacters(shown.text));
  const lines = shown.text.trimEnd().split('\n');
  assert.ok(lines.every((line) => /^\d\d:\d\d:\d\d \S/.test(line)));
});

test('started after a run it tells how that came out', async (t) => {
  const fleet = await Fleet.start(t);
  await fleet.coordinator();
  await fleet.device(device);
  await fleet.trigger({ rounds: 1 });
  await fleet.result();
  const shown = new Shown(spawn(process.execPath, [entry, ...flags(fleet.url), '--json']));
  fleet.atEnd(() => void shown.child.kill('SIGKILL'));
  const lines = () => shown.text.split('\n').slice(0, -1);
  const newest = () => JSON.parse(lines().at(-1) ?? '{}');
  while (newest().history?.length !== 1)
    await shown.shows(new RegExp(`(\\n[\\s\\S]*){${lines().length + 1}}`));
  assert.equal(newest().state, 'idle');
  assert.equal(newest().history[0].participants, 1);
  shown.child.kill('SIGTERM');
  assert.equal(await shown.ended(), 143);
});

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

test('on a terminal it fills the screen, follows its size, and Ctrl-C gives the terminal back', {
  skip: terminalMissing() ?? false,
}, async (t) => {
  const fleet = await Fleet.start(t);
  await fleet.coordinator();
  await fleet.device({ ...device, change: (update, task) => (task.key.round === 1 ? null : update) });
  const ttyFile = join(fleet.folder, 'tty');
  const command = `stty cols 70 rows 20; tty > ${ttyFile}; exec ${[process.execPath, entry, ...flags(fleet.url)].join(' ')}`;
  const env = { ...process.env, TERM: 'xterm', NO_COLOR: '', CI: undefined }; // Node takes CI's terminals to be plain.
  const shown = new Shown(spawn('script', ['-qefc', command, '/dev/null'], { env, stdio: 'pipe' }));
  fleet.atEnd(() => void shown.child.kill('SIGKILL'));
  await shown.shows(/fleetune · fleet test · no run yet/);
  await fleet.trigger({});
  await shown.shows(
    /fleetune · fleet test · run \S+ · [\s\S]*round 1 of 2: training \(0 of 1 in\)[\s\S]*Ctrl-C/,
  );
  assert.ok(shown.text.includes('\x1b[1mfleetune')); // Bold: an empty NO_COLOR asks for nothing.
  const tty = (await readFile(ttyFile, 'utf8')).trim();
  const from = shown.text.length;
  execFileSync('stty', ['-F', tty, 'cols', '30', 'rows', '8']);
  await shown.shows(/fleetune[\s\S]*Ctrl-C ends/, from);
  const frames = shown.text.slice(from).split('\x1b[H');
  const frame = stripVTControlCharacters(frames.at(-1)!).split(/\r?\n/);
  assert.ok(frame.length <= 8);
  assert.ok(frame.every((line) => line.length < 30));
  const stopped = shown.text.length;
  shown.child.stdin!.write('\x1a'); // Ctrl-Z: the shell has its screen, until it is continued.
  // script stops when its child has stopped, perhaps before it has passed on what the child wrote last.
  const state = () => readFileSync(`/proc/${shown.child.pid}/stat`, 'utf8').split(') ').at(-1)![0];
  await until(() => state() === 'T', 'script to stop');
  shown.child.kill('SIGCONT');
  await shown.writes('\x1b[?1049l', stopped);
  await shown.writes('\x1b[?1049h', stopped);
  const last = shown.text.length;
  shown.child.stdin!.write('\x03');
  assert.equal(await shown.ended(), 130);
  const end = shown.text.slice(shown.text.indexOf('\x1b[?1049l', last));
  assert.match(stripVTControlCharacters(end), /^fleetune · fleet test/);
  assert.ok(shown.text.includes('\x1b[?25h'));
});

test('NO_COLOR leaves the screen without colours', { skip: terminalMissing() ?? false }, async (t) => {
  const fleet = await Fleet.start(t);
  const command = [process.execPath, entry, ...flags(fleet.url)].join(' ');
  const env = { ...process.env, TERM: 'xterm-256color', NO_COLOR: '1' };
  const shown = new Shown(spawn('script', ['-qefc', command, '/dev/null'], { env, stdio: 'pipe' }));
  fleet.atEnd(() => void shown.child.kill('SIGKILL'));
  await shown.shows(/no coordinator has said anything[\s\S]*Ctrl-C/);
  assert.ok(!/\[[0-9;]*m/.test(shown.text), shown.text);
  shown.child.stdin!.write('\x03');
  assert.equal(await shown.ended(), 130);
});
