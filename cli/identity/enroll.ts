import { readFile, rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { Unanswered } from '../../identity/authority-client.js';
import { bundleFiles, holderOf, parseCertificate, readBundle } from '../../identity/bundle.js';
import { type ClaimToken, readToken } from '../../identity/claim-token.js';
import { enroll, renew, requestFor } from '../../identity/enrolment.js';
import { told } from '../../runtime/log.js';
import { readArguments, readSettings } from '../../runtime/settings.js';
import { Refusal } from '../../schemas/refusal.js';
import type { CommandTitle } from '../commands.js';
import { commandOf } from './command-of.js';
import { onDisk } from './on-disk.js';
import { enrollSettings, readNamed, renewSettings, requestSettings } from './settings.js';

const retryMs = 2000;

/**
 * `fleetune enroll TOKEN` or `--claim FILE`. Where the bundle was made by that claim, or there is a certificate and no
 * claim, there is nothing to do. Any other claim replaces the bundle: that its certificate is revoked, or of an
 * authority that is no more, can't be seen in it.
 */
export async function enrollBoard(
  argv: readonly string[],
  { name: command, summary }: CommandTitle,
): Promise<void> {
  const sources = { argv, env: process.env, command, summary };
  const { settings, operands } = readArguments(enrollSettings, sources, 1);
  const { tls, claim, connectS } = settings;
  const text = operands[0] ?? (claim === '' ? undefined : await textIn(claim));
  const token = text === undefined ? undefined : readToken(text);
  if (!token && !memberIn(tls))
    throw new Refusal(
      `${command}: ${claim === '' ? 'needs a token' : `${claim} is missing`}: fleetune claim makes one`,
    );
  const isNew = token !== undefined && (await redeem(token, tls, connectS));
  if (claim !== '') await rm(claim, { force: true });
  const { name, role, until } = valid(tls);
  process.stdout.write(
    `${name} ${isNew ? 'is enrolled' : 'is enrolled already'}: certificate until ${until}\n` +
      (role ? `fleetune ${commandOf[role]} --config ${tls}/${role}.yaml\n` : ''),
  );
}

/** @returns whether the bundle is another than before. @throws Refusal; then the bundle is as it was */
async function redeem(token: ClaimToken, tls: string, connectS: number): Promise<boolean> {
  const before = holderIn(tls);
  if (before && before.name !== token.name)
    throw new Refusal(
      `${tls} holds the certificate of ${before.name}, and the claim is of ${token.name}: ` +
        `make one with \`fleetune claim ${before.name}\`, or give another folder with --tls`,
    );
  try {
    return await patiently(() => enroll(token, tls), connectS);
  } catch (error) {
    if (!before || before.toMs < Date.now() || !(error instanceof Refusal)) throw error;
    throw new Refusal(`${error.message}\n${tls} keeps its certificate, which ends ${before.until}`);
  }
}

/** `fleetune request NAME`: for a board that the authority can't be reached from. */
export async function requestMember(argv: readonly string[], title: CommandTitle): Promise<void> {
  const { settings, name } = readNamed(requestSettings, argv, title);
  process.stdout.write(await onDisk(requestFor(name, settings.tls)));
}

/** `fleetune renew`: for members that are no service. */
export async function renewMember(
  argv: readonly string[],
  { name: command, summary }: CommandTitle,
): Promise<void> {
  const { tls, authority } = readSettings(renewSettings, { argv, env: process.env, command, summary });
  if (!URL.canParse(authority) || new URL(authority).protocol !== 'https:')
    throw new Refusal(`${command}: --authority: expected an address as https://server.example:8884`);
  await renew(authority, tls).catch((error) => {
    throw error instanceof Refusal ? error : new Refusal(`not renewed: ${told(error)}`);
  });
  const { name, until } = valid(tls);
  process.stdout.write(`${name}: certificate until ${until}\n`);
}

function valid(tls: string) {
  const member = memberIn(tls);
  if (member) return member;
  throw new Refusal(
    `the certificate in ${tls} is over by the clock of this machine, ${new Date().toISOString()}: ` +
      'if that clock is right, a new claim lets it in again (fleetune claim)',
  );
}

/** Whose certificate a bundle holds, if it counts still by its dates. */
function memberIn(tls: string) {
  const holder = holderIn(tls);
  return holder && holder.toMs >= Date.now() ? holder : undefined;
}

function holderIn(tls: string) {
  let own: ReturnType<typeof readBundle>['own'];
  try {
    own = readBundle(tls).own;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
  if (!own) return undefined;
  const certificate = parseCertificate(own.certificate, bundleFiles.certificate);
  const toMs = Date.parse(certificate.validTo);
  return { ...holderOf(certificate), toMs, until: new Date(toMs).toISOString() };
}

const textIn = (path: string) =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Refusal(`${path} (--claim) can't be read: ${told(error)}`);
  });

/** A board that has just started may have no network yet. */
async function patiently<T>(work: () => Promise<T>, limitS: number): Promise<T> {
  const endMs = Date.now() + limitS * 1000;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Refusal) throw error;
      if (!(error instanceof Unanswered))
        throw new Refusal(`not enrolled, and it can be tried again: ${told(error)}`);
      if (Date.now() + retryMs > endMs) throw new Refusal(`${told(error)}: no answer within ${limitS} s`);
      await pause(retryMs);
    }
  }
}
