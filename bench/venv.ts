import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Installed } from './installed.js';
import { folders } from './machine.js';

const requirements = 'bench/peers/requirements.txt';

/**
 * The Python of a virtual environment with the peers in it: the one that is named, or one below bench/results that is made
 * when the requirements are new.
 */
export async function pythonOf(venv: string): Promise<string> {
  const folder = venv || join(folders.results, 'venv');
  const python = join(folder, 'bin', 'python');
  if (venv) {
    if (!existsSync(python)) throw new Error(`--venv ${venv}: no bin/python in it`);
    return python;
  }
  const mark = join(folder, 'requirements.txt');
  const wanted = await readFile(requirements, 'utf8');
  if (existsSync(python) && (await readFile(mark, 'utf8').catch(() => '')) === wanted) return python;
  await mkdir(folders.results, { recursive: true });
  console.log(`installing ${wanted.trim().split('\n').join(', ')} into ${folder}: several gigabytes`);
  run('python3', '-m', 'venv', folder);
  run(python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements);
  await copyFile(requirements, mark);
  return python;
}

/** What the peers take on disk, by bench/peers/installed.py. */
export async function installedPeers(python: string): Promise<Installed> {
  const { stdout } = await promisify(execFile)(python, ['bench/peers/installed.py']);
  return JSON.parse(stdout) as Installed;
}

function run(command: string, ...args: string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `exit code ${status}`}`);
}
