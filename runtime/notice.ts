import { spawn } from 'node:child_process';
import { Refusal } from '../schemas/refusal.js';

/** What a service tells systemd of its life, as sd_notify(3): https://www.freedesktop.org/software/systemd/man/sd_notify.html */
export interface Notice {
  ready(): void;
  stopping(): void;
}

const silent: Notice = { ready() {}, stopping() {} };

/**
 * Node has no datagram sockets of the file system, so perl-base, which every Debian and Ubuntu has, passes lines on. It
 * stays: a `systemd-notify` for each message can have ended before systemd (until release 246) asks whose it was. A
 * SIGTERM to the whole control group, systemd's default, does not end it before the service has said that it stops.
 */
const passOn = `$SIG{TERM} = $SIG{INT} = 'IGNORE'; socket(S, AF_UNIX, SOCK_DGRAM, 0) or die $!;
$name = shift; $name =~ s/^@/\\0/;
while (<STDIN>) { chomp; send(S, $_, 0, pack_sockaddr_un($name)) or die $!; }`;

/**
 * Reads what systemd set (Type=notify, WatchdogSec=) and takes it from the environment, which children inherit. From
 * ready() on, systemd hears every third of the watchdog's time that this process's event loop turns; without
 * systemd nothing happens.
 * @param fail ends the process: systemd waits for what can't be told
 */
export function openNotice(env: NodeJS.ProcessEnv, fail: (error: unknown) => void): Notice {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdogUs } = env;
  for (const key of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[key];
  if (!socket) return silent;
  const perl = spawn('perl', ['-MSocket', '-e', passOn, socket], { stdio: ['pipe', 'ignore', 'inherit'] });
  let isStopping = false;
  perl.on('error', (cause: NodeJS.ErrnoException) =>
    fail(
      new Refusal(
        `systemd awaits news (NOTIFY_SOCKET), which perl passes on, and it did not start (${cause.code})`,
      ),
    ),
  );
  perl.on('exit', (code, signal) => {
    if (!isStopping) fail(new Refusal(`what passes news on to systemd ended (${signal ?? `code ${code}`})`));
  });
  perl.stdin.on('error', () => {}); // Its exit tells more.
  const tell = (news: string) => void perl.stdin.write(`${news}\n`);
  return {
    ready() {
      tell('READY=1');
      if (watchdogUs) setInterval(() => tell('WATCHDOG=1'), Number(watchdogUs) / 3000).unref();
    },
    stopping() {
      isStopping = true;
      tell('STOPPING=1');
    },
  };
}
