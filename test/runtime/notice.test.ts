import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { on, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { after, type TestContext, test } from 'node:test';

const hasPerl = spawnSync('perl', ['-e', '1']).status === 0;
const folder = mkdtempSync(join(tmpdir(), 'fleetune-notice-'));
const path = join(folder, 'service.mjs');
writeFileSync(
  path,
  `import { execFileSync } from 'node:child_process';
   import { runService } from ${JSON.stringify(new URL('../../runtime/service.js', import.meta.url).href)};
   await runService(async () => {
     console.log('child: ' + execFileSync(process.execPath, ['-p', 'process.env.NOTIFY_SOCKET']));
     setInterval(() => {}, 1000);
     return { stop: async () => {} };
   });`,
);
after(() => rmSync(folder, { recursive: true }));

/** A message that never comes fails its test, whose processes end with it. */
const timeout = 60_000;

/** What systemd is to a service: a datagram socket, whose messages come out as lines. */
async function listener(t: TestContext, socket: string): Promise<Interface> {
  const perl: ChildProcess = spawn(
    'perl',
    [
      ...['-MSocket', '-e'],
      `$| = 1; socket(S, AF_UNIX, SOCK_DGRAM, 0); $n = shift; $n =~ s/^@/\\0/; bind(S, pack_sockaddr_un($n)) or die $!;
       print "bound\\n"; while (defined recv(S, $m, 4096, 0)) { print "$m\\n"; }`,
      socket,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  t.after(() => perl.kill('SIGKILL'));
  const lines = createInterface(perl.stdout!);
  assert.deepEqual(await once(lines, 'line'), ['bound']);
  return lines;
}

function start(t: TestContext, env: Record<string, string>) {
  const service = spawn(process.execPath, [path], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => service.kill('SIGKILL'));
  return service;
}

for (const socket of [join(folder, 'notify'), `@fleetune-notice-${process.pid}`])
  test(`systemd hears that a service is ready, that it lives, and that it stops, at ${socket[0]}`, {
    skip: !hasPerl && 'no perl here',
    timeout,
  }, async (t) => {
    const lines = await listener(t, socket);
    const messages = on(lines, 'line');
    const service = start(t, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '60000' });
    const [child] = (await once(createInterface(service.stdout), 'line')) as string[];
    assert.equal(child, 'child: undefined', 'a child would speak for the service');
    const heard: string[] = [];
    for await (const [line] of messages as AsyncIterable<[string]>) {
      heard.push(line);
      if (heard.length === 4) service.kill('SIGTERM');
      if (line === 'STOPPING=1') break;
    }
    assert.deepEqual(heard.slice(0, 3), ['READY=1', 'WATCHDOG=1', 'WATCHDOG=1']);
    assert.deepEqual(await once(service, 'exit'), [0, null]);
  });

test('a SIGTERM to all processes of a service lets it stop and say so', {
  skip: !hasPerl && 'no perl here',
  timeout,
}, async (t) => {
  const lines = await listener(t, join(folder, 'all'));
  const messages = on(lines, 'line');
  const service = start(t, { NOTIFY_SOCKET: join(folder, 'all') });
  const heard: string[] = [];
  for await (const [line] of messages as AsyncIterable<[string]>) {
    heard.push(line);
    if (line === 'STOPPING=1') break;
    const children = readFileSync(`/proc/${service.pid}/task/${service.pid}/children`, 'utf8')
      .trim()
      .split(' ');
    for (const pid of [...children.map(Number), service.pid!]) process.kill(pid, 'SIGTERM');
  }
  assert.deepEqual(heard, ['READY=1', 'STOPPING=1']);
  assert.deepEqual(await once(service, 'exit'), [0, null]);
});

test('a service that could not tell systemd says so and ends', { timeout }, async (t) => {
  const service = start(t, { NOTIFY_SOCKET: join(folder, 'nobody'), PATH: folder });
  let told = '';
  service.stderr.on('data', (piece) => {
    told += piece;
  });
  assert.deepEqual(await once(service, 'exit'), [1, null]);
  assert.match(told, /systemd awaits news .*perl.*ENOENT/);
});
