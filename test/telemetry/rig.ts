import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Point } from '../../schemas/messages.js';
import { type Clock, machineClock } from '../../telemetry/clock.js';
import type { Sink } from '../../telemetry/sink.js';
import { Events } from '../broker/rig.js';

/** Folders of one test file, removed after it. */
export function testFolders(name: string): () => string {
  const root = mkdtempSync(join(tmpdir(), `fleetune-${name}-`));
  after(() => rmSync(root, { recursive: true, force: true }));
  let count = 0;
  return () => join(root, String(count++));
}

export interface Told {
  level: 'info' | 'warn';
  message: string;
  facts: Record<string, unknown>;
}

/** A log whose lines a test can wait for. */
export function testLog() {
  const told = new Events<Told>();
  const at =
    (level: Told['level']) =>
    (message: string, facts: Record<string, unknown> = {}) =>
      told.add({ level, message, facts });
  return { told, info: at('info'), warn: at('warn') };
}

/** A clock that a test sets. */
export function testClock(nowMs: number, boot = 'boot1') {
  const clock = { wallMs: nowMs, upMs: 0 };
  const read: Clock = { nowMs: () => clock.wallMs, uptimeMs: () => clock.upMs, boot };
  return {
    read,
    passes: (ms: number) => {
      clock.wallMs += ms;
      clock.upMs += ms;
    },
    isSetTo: (ms: number) => {
      clock.wallMs = ms;
    },
  };
}

export const nowhere = { influxUrl: '', influxDatabase: 'fleetune', influxUser: '', influxPassword: '' };
export const hourMs = 3_600_000;

/** A device's options of a sink; no points about the sink itself. */
export const quietly = {
  name: 'd1',
  tags: { fleet: 'f', device: 'd1' },
  syncEveryMs: 5_000,
  gaugeMs: 2 ** 30,
  clock: machineClock,
};
/** Tries that follow each other at once. */
export const swiftly = { maxLines: 4, maxBytes: 2 ** 20, everyMs: 1, backfillMs: 1, maxWaitMs: 4 };

/** Watts at one time each, one a second from `startMs` on, numbered. */
export const watts = (from: number, to: number, startMs = 1_790_000_000_000): Point[] =>
  Array.from({ length: to - from }, (_, i) => ({
    measurement: 'power',
    tags: { rail: 'VDD_IN', source: 'ina3221' },
    fields: { watts: from + i },
    timeMs: startMs + (from + i) * 1000,
  }));

/** Until a sink has settled the fate of so many points. */
export async function settled(sink: Sink, count: number): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (sink.counts.delivered + sink.counts.dropped < count) {
    if (Date.now() > deadline) throw new Error(`${JSON.stringify(sink.counts)}, expected ${count}`);
    await wait(10);
  }
}
