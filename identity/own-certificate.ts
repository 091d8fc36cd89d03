import { createPrivateKey } from 'node:crypto';
import type { Check } from '../runtime/health.js';
import { type Log, told } from '../runtime/log.js';
import type { Service } from '../runtime/service.js';
import { type Authority, issue } from './authority.js';
import { parseCertificate } from './bundle.js';
import { exclusively } from './exclusive.js';
import type { ServerSecrets } from './peer-certificate.js';
import { dueMs } from './renewal.js';
import { authorityName, makeKey, makeRequest } from './x509.js';

const days = 30;

/** What the authority's own server shows. */
export interface Own {
  secrets: ServerSecrets;
  fromMs: number;
  toMs: number;
}

export interface OwnCertificate extends Service {
  readonly secrets: ServerSecrets;
  health(): Promise<Check[]>;
}

/** Whether it must be made anew: it ends soon, or the clock was ahead when it was made and has been set back since. */
export const isDue = (own: Pick<Own, 'fromMs' | 'toMs'>, nowMs: number) =>
  nowMs < own.fromMs || nowMs >= dueMs(own, 0);

/**
 * Makes the server's certificate, and another whenever that is due: looked at by the clock, which a machine without
 * a battery sets when it has started.
 * @param renewed called with each that comes after the first
 */
export async function keepOwnCertificate(
  authority: Authority,
  hosts: readonly string[],
  log: Log,
  renewed: (secrets: ServerSecrets) => void,
  { clock = Date.now, everyMs = 60_000 }: { clock?: () => number; everyMs?: number } = {},
): Promise<OwnCertificate> {
  let own = await make(authority, hosts, clock());
  let problem: string | undefined;
  let work: Promise<void> | undefined;
  const look = async () => {
    if (!isDue(own, clock())) return;
    try {
      own = await make(authority, hosts, clock());
      problem = undefined;
      renewed(own.secrets);
      log.info('own certificate renewed', { until: new Date(own.toMs).toISOString() });
    } catch (error) {
      const reason = told(error);
      if (reason !== problem) log.error('own certificate not renewed', { reason });
      problem = reason;
    }
  };
  const timer = setInterval(() => {
    work ??= look().finally(() => {
      work = undefined;
    });
  }, everyMs).unref();
  return {
    secrets: own.secrets,
    async health() {
      const until = `valid until ${new Date(own.toMs).toISOString()}`;
      return [
        {
          name: 'certificate',
          ok: problem === undefined,
          detail: problem === undefined ? until : `its own, ${until}, is not renewed: ${problem}`,
        },
      ];
    },
    async stop() {
      clearInterval(timer);
      await work;
    },
  };
}

async function make(authority: Authority, hosts: readonly string[], nowMs: number): Promise<Own> {
  const key = await makeKey();
  const request = await makeRequest(authorityName, createPrivateKey(key));
  const subject = { name: authorityName, role: 'broker' as const, hosts };
  const made = await exclusively(authority.folder, () => issue(authority, subject, request, { days, nowMs }));
  const { validFrom, validTo } = parseCertificate(made, 'the authority’s own certificate');
  const secrets = { certificate: made + authority.certificate, key, authority: authority.certificate };
  return { secrets, fromMs: Date.parse(validFrom), toMs: Date.parse(validTo) };
}
