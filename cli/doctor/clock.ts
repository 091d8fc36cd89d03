import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { earliestMs, isSet, machineClock } from '../../telemetry/clock.js';
import { type Check, type Finding, note, ok, problem } from './check.js';
import { serverDates } from './server-dates.js';

const setIt = 'turn time synchronization on: sudo timedatectl set-ntp true (or install chrony)';
const mostOffMs = 5_000;

/** Certificates and points need the right time; a board without a battery starts in the past. */
export const clock: Check = {
  applies: () => true,
  async look({ settings }) {
    const nowMs = machineClock.nowMs();
    const now = new Date(nowMs).toISOString();
    if (!isSet(machineClock))
      return [problem(`${now}: before this was built (${new Date(earliestMs).toISOString()})`, setIt)];
    return [
      ok(`${now}, time zone ${Intl.DateTimeFormat().resolvedOptions().timeZone}`),
      synchronized(await told()),
      ...(await serverDates(settings)).map(({ server, offMs }) => compared(server, offMs)),
    ];
  },
};

/** What systemd or chrony says: yes, no, or undefined where nobody tells. */
async function told(): Promise<boolean | undefined> {
  if (existsSync('/run/systemd/timesync/synchronized')) return true;
  const systemd = await answer('timedatectl', ['show', '--property=NTPSynchronized', '--value']);
  if (systemd === 'yes' || systemd === 'no') return systemd === 'yes';
  const chrony = await answer('chronyc', ['-n', 'tracking']);
  return chrony === undefined ? undefined : !/Leap status\s*: Not synchronised/.test(chrony);
}

async function answer(program: string, argv: string[]): Promise<string | undefined> {
  try {
    return (
      await promisify(execFile)(program, argv, { timeout: 3_000, killSignal: 'SIGKILL' })
    ).stdout.trim();
  } catch {
    return undefined; // It is not there, or there is nobody whom it could ask.
  }
}

function synchronized(is: boolean | undefined): Finding {
  if (is === undefined)
    return note('whether it is synchronized nobody here tells', 'ask timedatectl or chronyc');
  return is ? ok('synchronized') : problem('not synchronized', setIt);
}

function compared(server: string, offMs: number): Finding {
  const seconds = (Math.abs(offMs) / 1000).toFixed(0);
  if (Math.abs(offMs) <= mostOffMs) return ok(`agrees with ${server}`);
  return problem(`${seconds} s ${offMs > 0 ? 'ahead of' : 'behind'} ${server}`, `${setIt}, on both machines`);
}
