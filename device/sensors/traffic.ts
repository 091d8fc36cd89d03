import { statfs } from 'node:fs/promises';
import os from 'node:os';
import { type Board, firstBytes } from './board.js';
import { Guard } from './guard.js';
import { answers, type Fields, type Sensor } from './sensor.js';

/** Memory in use is what no program could get: as /proc/meminfo estimates it, caches not counted. */
export async function findMemory(board: Board): Promise<Sensor[]> {
  const meminfo = board.file('proc/meminfo', firstBytes);
  const proc = async () => parseMemory(await meminfo.text());
  const read = (await answers(proc))
    ? proc
    : async () => ({ total: os.totalmem(), used: os.totalmem() - os.freemem() });
  return [
    {
      name: 'memory',
      async read() {
        const { total, used } = await read();
        return { fields: { memory_used_bytes: used, memory_total_bytes: total } };
      },
    },
  ];
}

export function parseMemory(meminfo: string): { total: number; used: number } {
  const kib = (name: string) => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1];
    if (found === undefined) throw new Error(`/proc/meminfo: no ${name}`);
    return Number(found);
  };
  const total = kib('MemTotal') * 1024;
  return { total, used: total - kib('MemAvailable') * 1024 };
}

/** Room where the state is. */
export async function findDiskRoom(folder: string): Promise<Sensor[]> {
  const guard = new Guard(folder);
  return [
    {
      name: 'disk room',
      async read() {
        const { bavail, bsize } = await guard.run(() => statfs(folder));
        return { fields: { disk_free_bytes: bavail * bsize } };
      },
    },
  ];
}

/** Bytes read and written, or received and sent, since the start, by disk or link. */
type Counters = ReadonlyMap<string, readonly [number, number]>;

/** Whole disks: their parts, and what is made of them (dm-, md, loop, zram), would count the same bytes again. */
const wholeDisk = /^(sd[a-z]+|vd[a-z]+|xvd[a-z]+|hd[a-z]|nvme\d+n\d+|mmcblk\d+)$/;
const sectorBytes = 512; // In /proc/diskstats, whatever the disk's own are.

export const parseDisks = (diskstats: string): Counters =>
  new Map(
    diskstats
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((words) => wholeDisk.test(words[2] ?? '') && words.length >= 10)
      .map((w) => [w[2]!, [Number(w[5]) * sectorBytes, Number(w[9]) * sectorBytes] as const]),
  );

/** Links whose bytes go over another link too, or over none. */
const innerLink = /^(lo|docker|veth|br-|virbr|cni|flannel|cali|ifb|dummy|tun|tap|wg|bond|team|l4tbr)/;

export const parseLinks = (dev: string): Counters =>
  new Map(
    dev
      .split('\n')
      .map((line) => /^\s*([^\s:]+):\s*(.*)$/.exec(line))
      .filter((match) => match !== null)
      .map(([, name, rest]) => [name!, rest!.split(/\s+/).map(Number)] as const)
      .filter(([name, numbers]) => !innerLink.test(name) && !name.includes('.') && numbers.length >= 16)
      .map(([name, numbers]) => [name, [numbers[0]!, numbers[8]!] as const]),
  );

export const findDiskRates = (board: Board) =>
  rates(board, 'proc/diskstats', 'disks', parseDisks, ([read, written]) => ({
    disk_read_bytes_per_s: read,
    disk_write_bytes_per_s: written,
  }));

export const findLinkRates = (board: Board) =>
  rates(board, 'proc/net/dev', 'network', parseLinks, ([received, sent]) => ({
    net_rx_bytes_per_s: received,
    net_tx_bytes_per_s: sent,
  }));

async function rates(
  board: Board,
  path: string,
  name: string,
  parse: (text: string) => Counters,
  fields: (bytesPerS: [number, number]) => Fields,
): Promise<Sensor[]> {
  const file = board.file(path);
  const first = await file.ifText();
  if (first === undefined || parse(first).size === 0) return [];
  let last: { counters: Counters; atMs: number } | undefined;
  return [
    {
      name,
      async read(nowMs) {
        const before = last;
        last = { counters: parse(await file.text()), atMs: nowMs };
        if (!before || nowMs <= before.atMs) return undefined;
        return { fields: fields(perSecond(before.counters, last.counters, nowMs - before.atMs)) };
      },
    },
  ];
}

/** Of those that were there before; one that was taken out and put in again begins anew. */
export function perSecond(before: Counters, now: Counters, ms: number): [number, number] {
  const sum: [number, number] = [0, 0];
  for (const [name, bytes] of now) {
    const earlier = before.get(name);
    if (!earlier) continue;
    for (const way of [0, 1] as const) sum[way] += Math.max(0, bytes[way] - earlier[way]) / (ms / 1000);
  }
  return sum;
}
