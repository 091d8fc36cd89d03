import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { Refusal } from '../schemas/refusal.js';

export interface Lock {
  release(): Promise<void>;
}

const tries = 3;

/**
 * Makes what a lock file stands for this process's own: a folder that two processes must not write at once. The file
 * names its holder; one whose process has ended, as after kill −9, is taken over.
 * @param refused what to say, given who holds it: `process 4711`
 * @throws Refusal with that text
 */
export async function takeLock(path: string, refused: (holder: string) => string): Promise<Lock> {
  const own = await holderText(process.pid);
  const draft = `${path}.${process.pid}`;
  try {
    await writeFile(draft, own);
    for (let i = 0; i < tries; i++) {
      // A link appears whole or not at all, and never in another's place.
      if (await linked(draft, path)) return { release: () => removeIf(path, own) };
      const found = await textOf(path);
      const pid = Number.parseInt(found, 10);
      if (pid > 0 && isAlive(pid) && (await holderText(pid)) === found)
        throw new Refusal(refused(`process ${pid}`));
      await removeIf(path, found);
    }
    throw new Refusal(refused('processes that all start at once'));
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * A process by its id and, where the system tells, its boot and start time: ids are used again, those are not.
 */
async function holderText(pid: number): Promise<string> {
  const boot = (await textOf('/proc/sys/kernel/random/boot_id')).trim();
  const stat = await textOf(`/proc/${pid}/stat`);
  // Field 22 is the start in ticks since boot; the name, field 2, may itself hold spaces and brackets.
  const [state, ...after] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const hasEnded = state === 'Z'; // Its parent has not asked for its exit status yet.
  return `${pid} ${boot} ${hasEnded ? '' : (after[18] ?? '')}\n`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // Alive, and another user's.
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function removeIf(path: string, text: string): Promise<void> {
  if ((await textOf(path)) === text) await rm(path, { force: true });
}

/** A file's text; '' where there is none. */
const textOf = (path: string) => readFile(path, 'utf8').catch(() => '');
