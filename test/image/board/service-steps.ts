import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { places } from '../../../image/places.js';
import { commandOf, run, start } from './machine.js';
import { listen } from './systemd.js';
import { boardId, commandLine, familyOf, type Step, type Workplace } from './workplace.js';

/** A matrix product takes some hundred times as long here as on a board. */
const tiny = [
  ...['--rounds', '1', '--steps', '1', '--batch-size', '1', '--lora-rank', '2', '--evaluation-examples', '1'],
  ...['--max-source-tokens', '16', '--max-target-tokens', '8', '--deadline-s', '600'],
];
const notifySocket = '/run/fleetune-notify';
const watchdogS = 9;
const stepLimitS = 120;

export const enrollBoard: Step = async ({ machine }) => {
  const said = await run(machine!, commandOf('fleetune-enroll.service'));
  assert.equal(existsSync(machine!.at(places.claim)), false, 'the claim is still there');
  const owner = await run(machine!, ['stat', '-c', '%U %a', `${places.bundle}/tls.key`]);
  assert.equal(owner, 'fleetune 600');
  return said.split('\n')[0];
};

async function startService(place: Workplace): Promise<string> {
  const { machine } = place;
  if (!place.systemd) {
    mkdirSync(machine!.at('/run/fleetune'), { recursive: true });
    await run(machine!, ['chown', 'fleetune:fleetune', '/run/fleetune']);
    place.systemd = await listen(machine!.at(notifySocket));
    place.ends.push(() => place.systemd!.stop());
  }
  const { systemd } = place;
  const count = systemd.heard.length;
  const news = { NOTIFY_SOCKET: notifySocket, WATCHDOG_USEC: String(watchdogS * 1e6) };
  const service = await start(machine!, commandOf('fleetune-device.service'), news);
  place.service = service;
  let said = '';
  for (const stream of [service.stdout!, service.stderr!])
    stream.on('data', (piece) => {
      said += piece;
    });
  place.ends.push(() => {
    if (service.exitCode === null && service.signalCode === null) service.kill('SIGKILL');
  });
  const died = once(service, 'exit').then(() => {
    throw new Error(`the device service ended: ${said}`);
  });
  await Promise.race([systemd.hears('READY=1', count, stepLimitS), died]);
  died.catch(() => {}); // Later it is meant to end.
  return said;
}

export const startDevice: Step = async (place) => {
  await startService(place);
  await place.systemd!.hears('WATCHDOG=1', 0, watchdogS);
  const listed = await place.fleet!.operate('devices');
  const line = listed.split('\n').find((text) => text.includes(boardId));
  assert.ok(line, listed);
  return `READY=1, WATCHDOG=1; ${line.replace(/\s+/g, ' ')}`;
};

/** The same id again is the same run. */
const runOf = (id: string) => ['rounds', 'start', '--id', id, ...tiny];

interface RunResult {
  state: string;
  rounds: {
    participants: string[];
    trainLoss: number;
    evalLoss: number | null;
    bytesUp: number;
    trainS: number;
  }[];
}

export async function completed(place: Workplace, id: string, device = boardId): Promise<string> {
  const said = await place.fleet!.operate(...runOf(id), '--wait', '--json');
  const { state, rounds } = JSON.parse(said.split('\n').at(-1)!) as RunResult;
  assert.equal(state, 'completed', said);
  const { participants, trainLoss, evalLoss, bytesUp, trainS } = rounds[0]!;
  assert.deepEqual(participants, [device]);
  return `loss ${trainLoss.toFixed(3)}, held-out ${evalLoss?.toFixed(3) ?? 'none'}, ${bytesUp} bytes up, ${trainS.toFixed(1)} s of training`;
}

export const trainRound: Step = (place) => completed(place, 'first');

/** The trainer's process, where there is one. */
const trainerOf = (pid: number) => familyOf(pid).find((one) => commandLine(one).includes('trainer-process'));

export const killDevice: Step = async ({ service, fleet }) => {
  const { pid } = service!;
  await until('the first round’s trainer ends, as it is idle', () => trainerOf(pid!) === undefined);
  await fleet!.operate(...runOf('second'));
  await until('a trainer works', () => trainerOf(pid!) !== undefined);
  const trainer = trainerOf(pid!)!;
  service!.kill('SIGKILL');
  const [, signal] = (await once(service!, 'exit')) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL');
  await until('the trainer ends with its device', () => !commandLine(trainer).includes('trainer-process'));
  return 'no process is left';
};

export const restartDevice: Step = async (place) => {
  await startService(place);
  return completed(place, 'second');
};

export const endDevice: Step = async ({ service, systemd }) => {
  const end = once(service!, 'exit');
  service!.kill('SIGTERM');
  const [code] = (await end) as [number | null];
  assert.equal(code, 0);
  assert.ok(systemd!.heard.includes('STOPPING=1'), systemd!.heard.join());
  return 'exit code 0, STOPPING=1';
};

async function until(what: string, holds: () => boolean): Promise<void> {
  const endMs = performance.now() + stepLimitS * 1000;
  while (!holds()) {
    assert.ok(performance.now() < endMs, `within ${stepLimitS} s: ${what}`);
    await pause(50);
  }
}
