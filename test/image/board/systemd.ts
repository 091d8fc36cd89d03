import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** What systemd is to a service: a socket that hears of its life. */
export interface Systemd {
  /** Everything heard so far. */
  heard: readonly string[];
  /** Waits for a message that comes after `count` others. @throws Error after `limitS` */
  hears(message: string, count: number, limitS: number): Promise<void>;
  stop(): void;
}

const program = `$| = 1; socket(S, AF_UNIX, SOCK_DGRAM, 0); bind(S, pack_sockaddr_un(shift)) or die $!;
print "bound\\n"; while (defined recv(S, $m, 4096, 0)) { print "$m\\n"; }`;

export async function listen(socket: string): Promise<Systemd> {
  rmSync(socket, { force: true });
  const perl = spawn('perl', ['-MSocket', '-e', program, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface(perl.stdout);
  await once(lines, 'line');
  chmodSync(socket, 0o777);
  const heard: string[] = [];
  lines.on('line', (line) => void heard.push(line));
  return {
    heard,
    async hears(message, count, limitS) {
      const limit = AbortSignal.timeout(limitS * 1000);
      while (!heard.slice(count).includes(message))
        await once(lines, 'line', { signal: limit }).catch(() => {
          throw new Error(
            `no ${message} within ${limitS} s, but ${heard.slice(count).join(', ') || 'nothing'}`,
          );
        });
    },
    stop: () => void perl.kill(),
  };
}
