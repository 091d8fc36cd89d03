import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { restartRules, restartWaitMs } from '../../cli/restarts.js';
import { Supervisor, type SupervisorHandlers } from '../../cli/supervisor.js';

/** A service as short as can be: says what it was told, and when it is ready. */
const script = `
const [mode, ...rest] = process.argv.slice(2);
process.on('disconnect', () => process.exit(0));
if (mode === 'refuses') { console.error('fleetune: port 1 is taken: choose another'); process.exit(1); }
if (mode === 'stubborn') process.on('SIGTERM', () => {});
else process.on('SIGTERM', () => process.exit(0));
if (mode === 'echo') { console.log(rest.join(' ')); process.send({ said: rest.length }); process.disconnect(); }
else work();
function work() {
console.log('hello from', mode);
setInterval(() => {}, 1000);
if (mode !== 'silent') process.send({ ready: { pid: process.pid, rest } });
}
`;

async function supervised(
  work: (supervisor: Supervisor, logs: string) => Promise<void>,
  handlers: SupervisorHandlers = {},
  limits: { readyLimitMs?: number; stopLimitMs?: number } = {},
) {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-supervisor-'));
  const entry = join(folder, 'service.mjs');
  await writeFile(entry, script);
  const supervisor = new Supervisor({ entry, logs: join(folder, 'logs'), ...limits }, handlers);
  try {
    await work(supervisor, join(folder, 'logs'));
  } finally {
    supervisor.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test('waits grow with deaths, are jittered, and end when it dies too often', () => {
  assert.equal(restartWaitMs([0], 0), restartRules.firstWaitMs / 2);
  assert.equal(restartWaitMs([0, 1], 1), restartRules.firstWaitMs * 2);
  assert.equal(restartWaitMs([0, 1, 2, 3, 4], 1), 4000);
  assert.equal(restartWaitMs([0, 1, 2, 3, 4, 5], 1), undefined);
  // Deaths before the window are forgotten.
  assert.equal(restartWaitMs([0, 1, 2, 3, 4, restartRules.windowMs + 5], 1), restartRules.firstWaitMs);
});

test('a service is started, its output goes to its log, and stop leaves nothing running', async () => {
  await supervised(async (supervisor, logs) => {
    const { pid } = await supervisor.start({ name: 'one', argv: () => ['good'] });
    assert.deepEqual([...supervisor.processes()], [['one', pid]]);
    await supervisor.stop();
    assert.equal(isAlive(pid as number), false);
    assert.equal(supervisor.processes().size, 0);
    assert.equal(await readFile(join(logs, 'one.log'), 'utf8'), 'hello from good\n');
  });
});

test('a service that was killed is started again, with the arguments of the moment', async () => {
  let starts = 0;
  const died: string[] = [];
  await supervised(
    async (supervisor) => {
      const argv = () => ['good', `start-${++starts}`];
      const { pid } = await supervisor.start({ name: 'one', argv });
      process.kill(pid as number, 'SIGKILL');
      while (!supervisor.processes().has('one') || starts < 2) await once(ticks(), 'tick');
      assert.notEqual(supervisor.processes().get('one'), pid);
      assert.deepEqual(died, ['one ended by SIGKILL']);
    },
    { died: (name, how) => died.push(`${name} ${how}`) },
  );
});

test('a service that must not restart stays away', async () => {
  const died: unknown[] = [];
  await supervised(
    async (supervisor) => {
      const { pid } = await supervisor.start({ name: 'one', argv: () => ['good'], restart: false });
      process.kill(pid as number, 'SIGKILL');
      while (died.length === 0) await once(ticks(), 'tick');
      assert.deepEqual(died, [undefined]);
      assert.equal(supervisor.processes().size, 0);
    },
    { died: (_name, _how, waitMs) => died.push(waitMs) },
  );
});

test('what a service refuses for is what its starter is told', async () => {
  await supervised(async (supervisor) => {
    await assert.rejects(supervisor.start({ name: 'one', argv: () => ['refuses'] }), {
      name: 'Refusal',
      message: 'one: port 1 is taken: choose another',
    });
  });
});

test('a service that never gets ready is refused in time', async () => {
  await supervised(
    async (supervisor) => {
      await assert.rejects(
        supervisor.start({ name: 'one', argv: () => ['silent'] }),
        /not ready after 0\.3 s/,
      );
    },
    {},
    { readyLimitMs: 300 },
  );
});

test('a service that does not hear is ended all the same', async () => {
  await supervised(
    async (supervisor) => {
      const { pid } = await supervisor.start({ name: 'one', argv: () => ['stubborn'] });
      await supervisor.stop();
      assert.equal(isAlive(pid as number), false);
    },
    {},
    { stopLimitMs: 200 },
  );
});

test('nothing is started once all is being stopped', async () => {
  await supervised(async (supervisor) => {
    await supervisor.stop();
    await assert.rejects(supervisor.start({ name: 'one', argv: () => ['good'] }), /being stopped/);
  });
});

test('stop while a service starts leaves nothing running', async () => {
  await supervised(async (supervisor) => {
    const starting = supervisor.start({ name: 'one', argv: () => ['good'] });
    await Promise.all([supervisor.stop(), starting.catch(() => {})]);
    assert.equal(supervisor.processes().size, 0);
  });
});

test('a command is run to its end for what it prints and says', async () => {
  await supervised(async (supervisor) => {
    const said: unknown[] = [];
    const output = await supervisor.runToEnd('echo', ['echo', 'a', 'b'], (message) => said.push(message));
    assert.deepEqual([output, said], ['a b\n', [{ said: 2 }]]);
    await assert.rejects(supervisor.runToEnd('bad', ['refuses']), /port 1 is taken/);
  });
});

/** Something to await while a condition of another process is not met. */
function ticks() {
  const target = new EventTarget();
  setTimeout(() => target.dispatchEvent(new Event('tick')), 20);
  return target;
}
