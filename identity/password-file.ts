import { createHmac, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { Refusal } from '../schemas/refusal.js';
import { type Role, roles } from '../schemas/roles.js';
import { namePattern } from '../schemas/topics.js';
import { readSecret } from './bundle.js';

/** A line of a password file: `name:role:$scrypt$ln=15,r=8,p=1$salt$key`, salt and key in base64. */
export interface PasswordEntry {
  name: string;
  role: Role;
  hash: string;
}

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);
/** 32 MiB and some 60 ms each [OWASP, Password Storage]. */
const cost = { ln: 15, r: 8, p: 1 };
const keyBytes = 32;
const maxAtOnce = 2;
const maxKnown = 10_000;

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, keyBytes, optionsOf(cost.ln, cost.r, cost.p));
  const { ln, r, p } = cost;
  return `$scrypt$ln=${ln},r=${r},p=${p}$${salt.toString('base64')}$${key.toString('base64')}`;
}

/** @throws Refusal that lists what is wrong, by line */
export function readPasswordFile(path: string): Map<string, PasswordEntry> {
  const text = readSecret(path);
  if (text === undefined)
    throw new Refusal(`${path} (--passwords) is missing: add a line with \`fleetune password\``);
  const entries = new Map<string, PasswordEntry>();
  const problems: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const entry = readLine(line);
    if (!entry || entries.has(entry.name))
      problems.push(`${path}:${index + 1}: ${entry ? `${entry.name} again` : 'expected name:role:hash'}`);
    else entries.set(entry.name, entry);
  }
  if (problems.length > 0) throw new Refusal(problems.slice(0, 20).join('\n'));
  return entries;
}

function readLine(line: string): PasswordEntry | undefined {
  const [name = '', word, hash = '', ...rest] = line.trim().split(':');
  const role = roles.find((r) => r === word);
  const fits = namePattern.test(name) && role && rest.length === 0 && hashPattern.test(hash);
  return fits ? { name, role, hash } : undefined;
}

const hashPattern =
  /^\$scrypt\$ln=(1\d|20),r=([1-9]|[12]\d|3[0-2]),p=([1-9]|1[0-6])\$([A-Za-z0-9+/=]{16,})\$([A-Za-z0-9+/=]{43,})$/;

async function matches(password: string, hash: string): Promise<boolean> {
  const [, ln, r, p, salt, expected] = hashPattern.exec(hash)!;
  const key = Buffer.from(expected!, 'base64');
  const options = optionsOf(Number(ln), Number(r), Number(p));
  return timingSafeEqual(await derive(password, Buffer.from(salt!, 'base64'), key.length, options), key);
}

const optionsOf = (ln: number, r: number, p: number) => ({ N: 2 ** ln, r, p, maxmem: 2 ** (ln + 8) * r });

/** Checks passwords, few at a time: each takes the processor for long and much memory. */
export class PasswordCheck {
  /** Of those that were right: a fleet that comes back all at once is not to wait for its hashes again. */
  readonly #known = new Set<string>();
  readonly #secret = randomBytes(32);
  readonly #maxWaiting: number;
  #waiting = 0;
  #running = 0;
  readonly #queue: (() => void)[] = [];

  constructor(maxWaiting = 200) {
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Whether a password is that of an entry; for a name that nobody has it takes as long.
   * @throws Refusal where too many wait
   */
  async fits(password: string, entry: PasswordEntry | undefined): Promise<boolean> {
    const mark = createHmac('sha256', this.#secret).update(`${entry?.hash}\0${password}`).digest('base64');
    if (this.#known.has(mark)) return true;
    if (this.#waiting >= this.#maxWaiting) throw new Refusal('too many passwords to check at once');
    this.#waiting++;
    try {
      await this.#turn();
      if (!(await matches(password, entry?.hash ?? nobody)) || !entry) return false;
    } finally {
      this.#waiting--;
      const next = this.#queue.shift();
      if (next)
        next(); // Its turn is handed on: whoever asks meanwhile queues behind.
      else this.#running--;
    }
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.add(mark);
    return true;
  }

  async #turn(): Promise<void> {
    if (this.#running < maxAtOnce) this.#running++;
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
  }
}

const nobody = `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${Buffer.alloc(16).toString('base64')}$${Buffer.alloc(keyBytes).toString('base64')}`;
