import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { link, open, readFile, readlink, rm, stat, utimes } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { Refusal } from '../schemas/refusal.js';
import { fail } from './service.js';

export interface Lock {
  release(): Promise<void>;
}

export interface LockOptions {
  /** Told where only waiting can show whether the holder lives: `process 1 of another container`. */
  waiting?(holder: string): void;
  /** Another took it over while this process stood still, so it must write no more: the process ends. */
  lost?(problem: Refusal): void;
  pace?: typeof usual;
}

const tries = 3;
/** A holder gives a sign each `beatMs`; `looks` at the lock, `lookMs` apart, without one say that it ended: 10 s. */
const usual = { beatMs: 2000, lookMs: 50, looks: 200 };

/**
 * Makes what a lock file stands for this process's own: a folder that two processes must not write at once. The file
 * names its holder; one whose process has ended, as after kill −9, is taken over. The processes of another container
 * can't be seen: theirs is taken over when it has given no sign for 10 s, which is waited for here.
 * @param refused what to say, given who holds it: `process 4711`
 * @throws Refusal with that text
 */
export async function takeLock(
  path: string,
  refused: (holder: string) => string,
  { waiting, lost = fail, pace = usual }: LockOptions = {},
): Promise<Lock> {
  const word = randomBytes(8).toString('hex');
  const here = await hereNow();
  const own = `${process.pid} ${here.boot} ${await startOf(process.pid)} ${here.space} ${word}\n`;
  for (let i = 0; i < tries; i++) {
    if (await placed(path, `${path}.${word}.partial`, own)) return held(path, own, pace.beatMs, lost);
    const found = await textOf(path);
    let state = await stateOf(found, here);
    let holder = holderOf(found);
    if (state === 'unseen') {
      holder += ' of another container';
      waiting?.(holder);
      state = await watched(path, found, pace);
    }
    if (state === 'lives') throw new Refusal(refused(holder));
    if (state === 'ended') removeIf(path, found);
  }
  throw new Refusal(refused('processes that all start at once'));
}

/** A lock that this process has: gives its signs until it is let go. */
function held(path: string, own: string, beatMs: number, lost: (problem: Refusal) => void): Lock {
  let isHeld = true;
  const end = () => {
    isHeld = false;
    clearInterval(beats);
  };
  const lookAt = (text: string) => {
    if (text === own || text === '') return; // Somebody emptied the folder: nobody else has it.
    end();
    lost(
      new Refusal(`${path}: ${holderOf(text)} took it over while this process stood still, so this one ends`),
    );
  };
  const beat = async () => {
    const text = await textOf(path);
    if (!isHeld) return;
    lookAt(text);
    const now = new Date();
    if (text === own) await utimes(path, now, now).catch(() => undefined);
  };
  const beats = setInterval(beat, beatMs).unref();
  return {
    async release() {
      if (isHeld) lookAt(removeIf(path, own));
      end();
    },
  };
}

/** Whether it is now at `path`, where nothing was: a link appears whole or not at all, and never in another's place. */
async function placed(path: string, draft: string, text: string): Promise<boolean> {
  try {
    const file = await open(draft, 'wx', 0o644);
    try {
      await file.chmod(0o644).catch(() => undefined); // Whatever root's umask: the folder's user is to see who has it.
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** What process ids mean something in: a boot, and a PID namespace of it; '' where the system does not tell. */
interface Here {
  boot: string;
  space: string;
}

async function hereNow(): Promise<Here> {
  const boot = (await textOf('/proc/sys/kernel/random/boot_id')).trim();
  return { boot, space: await readlink('/proc/self/ns/pid').catch(() => '') };
}

/** Of who holds a lock. `unseen`: in a PID namespace that is not ours. `gone`: it is another's by now, or nobody's. */
type State = 'lives' | 'ended' | 'unseen' | 'gone';

/** Former versions wrote no namespace: they count as of this one. */
async function stateOf(found: string, here: Here): Promise<State> {
  const [id = '', boot = '', start = '', space = here.space] = found.trimEnd().split(' ');
  if (boot !== here.boot) return 'ended';
  if (space !== here.space) return 'unseen';
  const pid = Number.parseInt(id, 10);
  return pid > 0 && isAlive(pid) && (await startOf(pid)) === start ? 'lives' : 'ended';
}

/** Signs are compared with each other and looks counted, so that no clock that is set, and no stop of ours, matters. */
async function watched(path: string, found: string, { lookMs, looks }: typeof usual): Promise<State> {
  const first = await signOf(path);
  for (let i = 0; i < looks; i++) {
    await pause(lookMs);
    const sign = await signOf(path); // Before the text: a lock that is let go in between is gone, not alive.
    if ((await textOf(path)) !== found) return 'gone';
    if (sign !== first) return 'lives';
  }
  return 'ended';
}

const signOf = (path: string) =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );

/** When a process started, in ticks since boot: ids are used again. '' where the system does not tell. */
async function startOf(pid: number): Promise<string> {
  const stat = await textOf(`/proc/${pid}/stat`);
  // The start is field 22; the name, field 2, may itself hold spaces and brackets.
  const [state, ...after] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const hasEnded = state === 'Z'; // Its parent has not asked for its exit status yet.
  return hasEnded ? 'ended' : (after[18] ?? '');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // Alive, and another user's.
  }
}

/**
 * In one go: whoever reads first and removes later removes the lock that came between.
 * @returns what was there
 */
function removeIf(path: string, text: string): string {
  try {
    const found = readFileSync(path, 'utf8');
    if (found === text) rmSync(path, { force: true });
    return found;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

const holderOf = (text: string) => `process ${Number.parseInt(text, 10)}`;

/** A file's text; '' where there is none. */
const textOf = (path: string) => readFile(path, 'utf8').catch(() => '');
