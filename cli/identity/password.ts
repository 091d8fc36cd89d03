import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { textOf } from '../../identity/bundle.js';
import { underLock } from '../../identity/exclusive.js';
import { hashPassword, readPasswordFile } from '../../identity/password-file.js';
import { writeAtomic } from '../../runtime/files.js';
import { Refusal } from '../../schemas/refusal.js';
import type { CommandTitle } from '../commands.js';
import { onDisk } from './on-disk.js';
import { passwordSettings, readNamed } from './settings.js';

const shortest = 8;

/** `fleetune password NAME`: writes a line of a password file; asks for the password, or takes it from a pipe. */
export async function setPassword(argv: readonly string[], title: CommandTitle): Promise<void> {
  const { settings, name } = readNamed(passwordSettings, argv, title);
  const { passwords: path, role, remove } = settings;
  const hash = remove ? '' : await hashPassword(await askPassword(name));
  // Who was asked may have thought for long: what others have changed meanwhile stands.
  const change = async () => {
    const before = textOf(path) ?? '';
    const known = before === '' ? false : readPasswordFile(path).has(name);
    if (remove && !known) throw new Refusal(`${path} has no ${name}`);
    const others = before.split('\n').filter((other) => other !== '' && !other.startsWith(`${name}:`));
    const lines = remove ? others : [...others, `${name}:${role}:${hash}`];
    const mode = before === '' ? 0o600 : 0o640; // A group that reads it goes on to.
    await writeAtomic(path, lines.map((line) => `${line}\n`).join(''), mode);
    return remove ? 'is out' : known ? 'has a new password' : `is in, as ${role}`;
  };
  const what = await onDisk(underLock(`${path}.lock`, `${path} (--passwords)`, change));
  process.stdout.write(`${path}: ${name} ${what}\n`);
}

async function askPassword(name: string): Promise<string> {
  const password = process.stdin.isTTY
    ? await askTwice(name)
    : (await text(process.stdin)).replace(/\r?\n$/, '');
  if (password.length < shortest)
    throw new Refusal(`the password is too short: at least ${shortest} characters`);
  return password;
}

async function askTwice(name: string): Promise<string> {
  const [first, second] = [await askHidden(`password of ${name}: `), await askHidden('again: ')];
  if (first !== second) throw new Refusal('the two are not the same');
  return first;
}

/** What is typed is not shown. */
async function askHidden(question: string): Promise<string> {
  process.stderr.write(question);
  const nothing = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: nothing, terminal: true });
  reader.on('SIGINT', () => process.exit(130));
  const ended = new Promise<never>((_resolve, reject) => {
    reader.once('close', () => reject(new Refusal('no password was given')));
  });
  try {
    return await Promise.race([reader.question(''), ended]);
  } finally {
    reader.close();
    process.stderr.write('\n');
  }
}
