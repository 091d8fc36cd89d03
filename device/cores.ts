import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A core that is online, as the kernel tells it. */
export interface Core {
  /** Implementer and part of an Arm core, as "41:d42"; '' elsewhere. */
  part: string;
  /** Highest clock that the power mode allows; undefined where the kernel does not say. */
  maxMhz: number | undefined;
}

export interface Processor {
  name: string;
  cores: readonly Core[];
}

/** The processor as it stands now: a power mode takes cores offline and lowers clocks. @param root '/' but for tests */
export async function readProcessor(root: string): Promise<Processor> {
  const text = await readFile(join(root, 'proc/cpuinfo'), 'utf8').catch(() => '');
  const blocks = text.split(/\n\s*\n/).filter((block) => /^processor\s*:/m.test(block));
  const cores = await Promise.all(
    blocks.map(async (block): Promise<Core> => {
      const [implementer, part] = [hex(block, 'CPU implementer'), hex(block, 'CPU part')];
      const number = field(block, 'processor')!;
      return {
        part: implementer && part ? `${implementer}:${part}` : '',
        maxMhz: await maxMhz(join(root, `sys/devices/system/cpu/cpu${number}/cpufreq`)),
      };
    }),
  );
  const name = blocks[0] && (field(blocks[0], 'model name') ?? cores[0]!.part);
  return { name: name || 'unknown', cores };
}

async function maxMhz(folder: string): Promise<number | undefined> {
  const khz = Number(await readFile(join(folder, 'scaling_max_freq'), 'utf8').catch(() => Number.NaN));
  return khz > 0 ? khz / 1000 : undefined;
}

const field = (block: string, name: string) =>
  new RegExp(`^${name}\\s*:\\s*(.+)$`, 'm').exec(block)?.[1]?.trim();
const hex = (block: string, name: string) => field(block, name)?.replace(/^0x0*/, '');
