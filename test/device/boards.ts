import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'fleetune-boards-'));
after(() => rmSync(folder, { recursive: true }));
let boards = 0;

/** A root folder with such files below /sys and /proc. */
export function board(files: Record<string, string | number>): string {
  const root = join(folder, String(boards++));
  writeBoard(root, files);
  return root;
}

export function writeBoard(root: string, files: Record<string, string | number>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  }
}

/** Arm cores that are online, as Linux shows them: made from the kernel's layout, unseen on hardware. */
export function armCores(part: string, cores: number, maxMhz?: number): Record<string, string | number> {
  const each = Array.from({ length: cores }, (_, i) => i);
  const cpuinfo = each.map(
    (i) => `processor\t: ${i}\nBogoMIPS\t: 62.50\nCPU implementer\t: 0x41\nCPU part\t: ${part}\n`,
  );
  const clock = (i: number) => `sys/devices/system/cpu/cpu${i}/cpufreq/scaling_max_freq`;
  const clocks = maxMhz === undefined ? [] : each.map((i) => [clock(i), maxMhz * 1000] as const);
  return { 'proc/cpuinfo': cpuinfo.join('\n'), ...Object.fromEntries(clocks) };
}
