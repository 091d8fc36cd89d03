import { Refusal } from '../schemas/refusal.js';
import { type Authority, issue } from './authority.js';
import { exclusively } from './exclusive.js';
import { readRegister } from './issued.js';
import { countingOf } from './revocation.js';

/** So many certificates of one name may be valid at once: one board must not fill the register. */
const maxValid = 100;

/**
 * A new certificate for the holder of one that still counts; name, role and hosts stay what they were.
 * @param serial of the one that the peer has shown
 * @throws Refusal where it is not in the register, or revoked by now, or one of too many
 */
export function reissue(
  authority: Authority,
  { serial, request }: { serial: string; request: string },
  times: { days: number; nowMs: number },
): Promise<string> {
  return exclusively(authority.folder, async () => {
    const entry = readRegister(authority.folder).issued.find((other) => other.serial === serial);
    if (!entry) throw new Refusal('a certificate that is not in the register');
    const valid = countingOf(authority, entry.name, times.nowMs);
    if (!valid.some((other) => other.serial === serial)) throw new Refusal('a revoked certificate');
    if (valid.length >= maxValid)
      throw new Refusal(`${entry.name} has ${valid.length} certificates that are valid: revoke it`);
    return issue(authority, entry, request, times);
  });
}
