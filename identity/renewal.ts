import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Log, told } from '../runtime/log.js';
import type { Service } from '../runtime/service.js';
import { Refusal } from '../schemas/refusal.js';
import { bundleFiles, parseCertificate, textOf } from './bundle.js';

export interface RenewalSettings {
  /** The bundle's folder; '' where there is none. */
  tls: string;
  /** URL; '' where somebody else renews. */
  authority: string;
}

const checkMs = 60_000;

const script = fileURLToPath(new URL('./renewal-process.js', import.meta.url));
const limitMs = 60_000;
/** A certificate is exchanged when two thirds of its life are over, and up to a tenth later: a fleet spreads out. */
const [dueAt, spread] = [2 / 3, 1 / 10];
const longestWaitMs = 3_600_000;

/** What to do where a certificate has ended: nobody renews it then. */
export const newCertificate =
  'if this machine’s clock is right, provision or enrol it again: on the authority’s machine `fleetune provision`, ' +
  '`fleetune claim`, or `fleetune ca setup` where that made it';

/** When a certificate is due, ms since 1970. @param random 0 to 1, the same for the life of a service */
export function dueMs(certificate: Dates, random: number): number {
  const lifeMs = certificate.toMs - certificate.fromMs;
  return certificate.fromMs + lifeMs * (dueAt + spread * random);
}

/**
 * Renews a bundle's certificate before it ends. Looks every minute.
 * @param renewed called where the bundle has another certificate, whoever put it there: the next connection uses it
 */
export function startRenewal(
  { tls, authority }: RenewalSettings,
  log: Log,
  renewed: () => void,
  everyMs = checkMs,
): Service {
  if (tls === '') return { stop: async () => undefined };
  const random = Math.random();
  let known = readDates(tls);
  tellEnd(known, log, Date.now());
  let work: Promise<void> | undefined;
  let notBeforeMs = 0;
  const stopping = new AbortController();
  const look = () => {
    const found = readDates(tls);
    if (found && found.serial !== known?.serial) {
      log.info('certificate renewed', { until: new Date(found.toMs).toISOString() });
      renewed();
    }
    known = found ?? known;
  };
  const check = async () => {
    look();
    const nowMs = Date.now();
    if (!known || nowMs < Math.max(notBeforeMs, dueMs(known, random))) return;
    try {
      if (authority === '') throw new Refusal('no authority is set (--authority)');
      await renewInProcess([authority, tls, known.serial], stopping.signal);
      look();
    } catch (error) {
      if (stopping.signal.aborted) return;
      const waitMs = Math.min(longestWaitMs, Math.max(0, known.toMs - nowMs) / 10) * (0.5 + random / 2);
      notBeforeMs = nowMs + waitMs;
      log.warn('certificate not renewed', {
        reason: told(error),
        until: new Date(known.toMs).toISOString(),
        nextTryS: Math.round(waitMs / 1000),
      });
    }
  };
  const timer = setInterval(() => {
    work ??= check().finally(() => {
      work = undefined;
    });
  }, everyMs);
  return {
    async stop() {
      clearInterval(timer);
      stopping.abort(); // An authority that does not answer is not waited for: a bundle is whole at every moment.
      await work;
    },
  };
}

/**
 * Renews a bundle's certificate where it is due, for who is no service: beside his work, as the authority may not
 * answer; before it where the certificate would end meanwhile.
 * @returns what to call when the work is done: it waits so long at most, and tells what is wrong with the certificate
 */
export async function renewBeside(
  settings: RenewalSettings,
  nowMs: number,
  waitMs = 3000,
): Promise<() => Promise<string | undefined>> {
  const stopping = new AbortController();
  const work = renewIfDue(settings, nowMs, stopping.signal);
  const known = settings.tls === '' ? undefined : readDates(settings.tls);
  if (known && nowMs > known.toMs - limitMs) await work;
  return () => {
    const late = setTimeout(
      () => stopping.abort(new Error(`no answer of ${settings.authority} while the command ran`)),
      waitMs,
    );
    return work.finally(() => clearTimeout(late));
  };
}

/** @returns what is wrong with the certificate then; undefined where it counts for long */
export async function renewIfDue(
  { tls, authority }: RenewalSettings,
  nowMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const known = tls === '' ? undefined : readDates(tls);
  if (!known || nowMs < dueMs(known, 0)) return undefined;
  const until = new Date(known.toMs).toISOString();
  if (nowMs >= known.toMs) return `the certificate in ${tls} ended ${until}: ${newCertificate}`;
  const isLate = isEnding(known, nowMs); // Before, the next command may do it.
  if (authority === '')
    return isLate ? `the certificate in ${tls} ends ${until}: ${newCertificate}` : undefined;
  try {
    await renewInProcess([authority, tls, known.serial], signal);
  } catch (error) {
    return isLate ? `the certificate in ${tls} ends ${until} and was not renewed: ${told(error)}` : undefined;
  }
  return undefined;
}

/** In the last tenth of its life it should have been renewed. */
const isEnding = ({ fromMs, toMs }: Dates, nowMs: number) => nowMs > toMs - (toMs - fromMs) / 10;

interface Dates {
  fromMs: number;
  toMs: number;
}

/** Says at the start what nobody may find later: peers who refuse us don't say why. */
function tellEnd(known: Dates | undefined, log: Log, nowMs: number): void {
  if (!known || !isEnding(known, nowMs)) return;
  const until = new Date(known.toMs).toISOString();
  if (nowMs < known.toMs) log.warn('certificate ends soon', { until });
  else log.warn('certificate has ended', { until, remedy: newCertificate });
}

function readDates(folder: string) {
  try {
    const { serialNumber, validFrom, validTo } = parseCertificate(
      textOf(join(folder, bundleFiles.certificate)) ?? '',
      folder,
    );
    return { serial: serialNumber, fromMs: Date.parse(validFrom), toMs: Date.parse(validTo) };
  } catch {
    return undefined; // No certificate, or one that is being put there.
  }
}

/** In a process of its own: what making a request takes, some 20 MB, goes with it. */
function renewInProcess(given: readonly string[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { timeout: limitMs, signal };
    execFile(process.execPath, [script, ...given], options, (error, _out, stderr) => {
      if (signal.aborted) reject(signal.reason);
      else if (error) reject(new Error(stderr.trim().slice(-500) || told(error)));
      else resolve();
    });
  });
}
