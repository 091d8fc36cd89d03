import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { places } from '../../../image/places.js';
import { units } from '../../../image/units.js';
import { emulate, inNamespace } from './namespace.js';

/** An arm64 board, emulated: a root folder whose programs this machine runs in namespaces of their own. */
export interface Machine {
  root: string;
  at(path: string): string;
}

export const machineOf = (root: string): Machine => ({ root, at: (path) => join(root, path) });

const enter = `root=$1; shift
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
${emulate}
exec chroot "$root" "$@"
`;

/** Starts a program of the board, as its root, in namespaces of its own: this machine is as before. */
export const start = (
  { root }: Machine,
  argv: readonly string[],
  env: Record<string, string> = {},
): Promise<ChildProcess> =>
  inNamespace(['unshare', '--mount', 'sh', '-euc', enter, 'sh', root, ...argv], env);

/** What systemd would run: the unit's command, as its user, with its variables. */
export function commandOf(unit: string): string[] {
  const { text } = units.find(({ name }) => name === unit)!;
  const [, command] = /^ExecStart=(.*)$/m.exec(text)!;
  const [, file] = /^EnvironmentFile=(.*)$/m.exec(text) ?? [];
  const fixed = [...text.matchAll(/^Environment=(.*)$/gm)].map(([, words]) => words);
  const script = [
    ...['umask 077', `cd ${places.home}`, 'set -a'],
    ...(file ? [`. ${file}`] : []),
    ...fixed,
    'set +a',
    `exec setpriv --reuid fleetune --regid fleetune --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all ${command}`,
  ];
  return ['/bin/sh', '-euc', script.join('\n')];
}

export interface Ended {
  code: number | null;
  /** Standard output and error. */
  said: string;
}

export async function ended(child: ChildProcess): Promise<Ended> {
  const [out, err, [code]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'exit'),
  ]);
  return { code, said: `${out}${err}`.trim() };
}

/** Runs a program of the board to its end. @throws Error with what it said where it fails */
export async function run(
  machine: Machine,
  argv: readonly string[],
  env?: Record<string, string>,
): Promise<string> {
  const { code, said } = await ended(await start(machine, argv, env));
  if (code !== 0) throw new Error(`${argv.join(' ')}: exit code ${code}\n${said}`);
  return said;
}
