import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Client } from 'aedes';
import { PasswordCheck } from '../identity/password-file.js';
import { type ServerSecrets, shownBy } from '../identity/peer-certificate.js';
import { isToken, verifyToken } from '../identity/token.js';
import { watchFiles } from '../runtime/file-watch.js';
import { type Log, told } from '../runtime/log.js';
import { Refusal } from '../schemas/refusal.js';
import { type Role, roles } from '../schemas/roles.js';
import type { Identity } from './access.js';
import { type RefusedClaim, unproven } from './claim.js';
import { filesOf, type GateRules, type GateSettings, noGate, readRules } from './gate-rules.js';

/** What a peer was let in by, and what ends it. */
type Proof =
  | { kind: 'certificate'; id: string; serial: string; toMs: number }
  | { kind: 'token'; id: string; toMs: number }
  | { kind: 'password'; id: string; role: Role; hash: string };

const lookMs = 1000;

/** Knows peers by certificate, token or password, and cuts those who are known no more. */
export class Gate {
  readonly #settings: GateSettings;
  readonly #log: Log;
  readonly #check = new PasswordCheck();
  readonly #held = new Map<Client, Proof>();
  #rules: GateRules;
  #renewed: (secrets: ServerSecrets) => void = () => undefined;
  readonly #stopWatching: () => void;
  readonly #stopMirror: () => void;
  readonly #sweeps: NodeJS.Timeout;
  #reload: Promise<void> = Promise.resolve();

  /** @throws Refusal for files that are missing, damaged, readable by others, or that don't belong together */
  static async open(given: Partial<GateSettings>, log: Log): Promise<Gate> {
    const settings = { ...noGate, ...given };
    const mirror = /^https:/.test(settings.crl) ? await mirrorOf(settings, log) : undefined;
    const local = mirror ? { ...settings, crl: mirror.file } : settings;
    try {
      return new Gate(local, await readRules(local), log, () => mirror?.stop());
    } catch (error) {
      mirror?.stop();
      throw error;
    }
  }

  private constructor(settings: GateSettings, rules: GateRules, log: Log, stopMirror: () => void) {
    this.#stopMirror = stopMirror;
    this.#settings = settings;
    this.#rules = rules;
    this.#log = log;
    this.#stopWatching = watchFiles(filesOf(settings), lookMs, () => {
      this.#reload = this.#reload.then(() => this.#readAgain()); // What was read later counts later.
    });
    this.#sweeps = setInterval(() => this.#sweep(), lookMs);
  }

  /** What the listeners speak TLS with; undefined where they don't. */
  get secrets(): ServerSecrets | undefined {
    return this.#rules.secrets;
  }

  /** @param renewed called with what the listeners are to speak TLS with from now on */
  onRenewal(renewed: (secrets: ServerSecrets) => void): void {
    this.#renewed = renewed;
  }

  /** Why a connection is cut before it says a word; undefined where it may go on. */
  connectionProblem(socket: TLSSocket): string | undefined {
    const shown = this.#shownBy(socket);
    if (shown !== 'nothing') return 'problem' in shown ? shown.problem : undefined;
    return this.#takesPasswords ? undefined : 'it shows no certificate';
  }

  /**
   * Who a client is, by the best that it shows: a certificate, else a token, else a password.
   * @param guessProblem why no password is to be looked at now: a certificate is
   */
  async identify(
    client: Client,
    username: string | undefined,
    password: Buffer | undefined,
    guessProblem: () => RefusedClaim | undefined,
  ): Promise<Identity | RefusedClaim> {
    const { secrets, token, passwords } = this.#rules;
    const socket = (client.req?.socket ?? client.conn) as Socket | TLSSocket;
    const shown = secrets && 'getPeerX509Certificate' in socket ? this.#shownBy(socket) : 'nothing';
    if (shown !== 'nothing') {
      if ('problem' in shown) return refused(shown.problem);
      const { name: id, serial, toMs } = shown;
      const role = roles.find((r) => r === shown.role);
      if (!role) return refused(`the certificate of ${id} is a ${shown.role ?? 'nobody'}’s, not a peer’s`);
      return this.#hold(client, { role, id }, { kind: 'certificate', id, serial, toMs });
    }
    if (!this.#takesPasswords)
      return secrets ? refused('it shows no certificate') : unproven(client, username);
    if (!password?.length) return refused('it shows neither a certificate nor a password', 4);
    const problem = guessProblem();
    if (problem) return problem;
    const text = password.toString();
    try {
      if (token && isToken(text)) {
        const { name: id, role, toMs } = await verifyToken(text, token);
        return this.#hold(client, { role, id }, { kind: 'token', id, toMs });
      }
      const entry = passwords?.get(username ?? '');
      if (!passwords) return refused('a password that is no token', 4);
      if (!(await this.#check.fits(text, entry)))
        return refused(`a wrong name or password: ${username?.slice(0, 200)}`, 4);
      const { name: id, role, hash } = entry!;
      return this.#hold(client, { role, id }, { kind: 'password', id, role, hash });
    } catch (error) {
      if (!(error instanceof Refusal)) this.#log.error('password not checked', { reason: told(error) });
      return refused(told(error), 4);
    }
  }

  stop(): void {
    this.#stopWatching();
    this.#stopMirror();
    clearInterval(this.#sweeps);
  }

  get #takesPasswords(): boolean {
    return this.#rules.token !== undefined || this.#rules.passwords !== undefined;
  }

  #shownBy(socket: TLSSocket) {
    return shownBy(socket, (serial) => this.#rules.revoked.has(serial), Date.now());
  }

  #hold(client: Client, identity: Identity, proof: Proof): Identity {
    if (client.closed || client.conn.destroyed) return identity; // It went while its password was checked.
    this.#held.set(client, proof);
    client.conn.once('close', () => this.#held.delete(client));
    return identity;
  }

  /** What changed counts from now on; where it can't be read, what was known stays. */
  async #readAgain(): Promise<void> {
    try {
      this.#rules = await readRules(this.#settings);
      const { secrets, revoked } = this.#rules;
      if (secrets) this.#renewed(secrets);
      this.#log.info('changed files taken', { revoked: revoked.size });
    } catch (error) {
      this.#log.error('changed files not taken', { reason: told(error) });
    }
    this.#sweep();
  }

  #sweep(): void {
    const nowMs = Date.now();
    for (const [client, proof] of this.#held) {
      const reason = ended(proof, this.#rules, nowMs);
      if (reason === undefined) continue;
      this.#held.delete(client);
      this.#log.warn('client cut', { client: proof.id, reason });
      client.close();
      client.conn.destroy(); // It may have stopped reading, and would stay until it had read all.
    }
  }
}

async function mirrorOf({ crl, tls }: GateSettings, log: Log) {
  const { mirrorCrl } = await import('../identity/crl-mirror.js'); // It comes with what reads lists, 20 MB.
  return mirrorCrl(crl, tls, log);
}

/** Why a peer that was let in may stay no longer. */
function ended(proof: Proof, { revoked, passwords }: GateRules, nowMs: number): string | undefined {
  if (proof.kind === 'password') {
    const entry = passwords?.get(proof.id);
    const isSame = entry?.hash === proof.hash && entry.role === proof.role;
    return isSame ? undefined : 'its password or role was changed, or it was removed';
  }
  if (proof.toMs <= nowMs) return `its ${proof.kind} ended`;
  return proof.kind === 'certificate' && revoked.has(proof.serial)
    ? 'its certificate was revoked'
    : undefined;
}

const refused = (problem: string, code: 4 | 5 = 5): RefusedClaim => ({ code, problem });
