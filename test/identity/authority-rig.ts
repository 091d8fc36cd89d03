import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Authority, initAuthority } from '../../identity/authority.js';
import { serveAuthority } from '../../identity/authority-server.js';
import { makeClaim } from '../../identity/claims.js';
import { provision } from '../../identity/provision.js';
import { fingerprintOf } from '../../identity/x509.js';
import { createLog } from '../../runtime/log.js';
import type { CertificateRole } from '../../schemas/roles.js';
import { type Ends, Events } from '../broker/rig.js';

const dayMs = 86_400_000;

/** A real authority in a temporary folder. */
export async function makeTestAuthority(t: Ends, name = 'Test fleet') {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-authority-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  // Some months old, so that what it made has had time to end.
  const authority = await initAuthority(join(folder, 'ca'), { name, years: 1 }, Date.now() - 90 * dayMs);
  let made = 0;
  return {
    authority,
    folder,
    /** A bundle made by the operator. @returns its folder */
    async bundle(
      role: CertificateRole,
      holder: string,
      changes: { days?: number; nowMs?: number; hosts?: string[] } = {},
    ) {
      const { days = 1, nowMs = Date.now(), hosts = role === 'broker' ? ['127.0.0.1'] : [] } = changes;
      const out = join(folder, `bundle-${made++}`);
      const reach = { tls: '', authority: '', broker: '', fleet: '' };
      await provision(authority, { name: holder, role, hosts }, out, reach, { days, nowMs });
      return out;
    },
  };
}

/** Its server, on a free port, stopped after the test. */
export async function serve(
  t: TestContext,
  authority: Authority,
  changes: { days?: number; port?: number; clock?: () => number; everyMs?: number } = {},
) {
  const logged = new Events<Record<string, unknown>>();
  const { days = 1, port = 0, ...times } = changes;
  const fleet = { broker: 'mqtts://127.0.0.1:8883', fleet: 'test' };
  const server = await serveAuthority(
    authority,
    { host: '127.0.0.1', port, hosts: ['127.0.0.1'], days, fleet },
    createLog('authority', (line) => logged.add(JSON.parse(line))),
    times,
  );
  t.after(() => server.stop());
  return { server, logged, url: `https://127.0.0.1:${server.port}` };
}

/** A claim and its token. */
export async function claimed(
  authority: Authority,
  url: string,
  name: string,
  days = 1,
  role: CertificateRole = 'device',
) {
  const claim = { name, role, hosts: [], toMs: Date.now() + days * dayMs };
  const secret = await makeClaim(authority, claim);
  return { url, name, fingerprint: fingerprintOf(authority.certificate), secret };
}
