import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder, writeAtomic } from '../runtime/files.js';
import type { RunSummary } from '../schemas/status.js';
import { decodeSafetensors, encodeSafetensors, type NamedTensors } from '../schemas/tensors.js';
import type { Stage } from './run.js';

/**
 * The folder of one run: journal.jsonl, versions/<n>.safetensors (+ <n>.optimizer.safetensors),
 * spool/<round>-<kind>/<device>.update, and once it ended adapter/{adapter_config.json,
 * adapter_model.safetensors} and summary.json. A version's file is what devices pull.
 */
export class RunStore {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  get journal(): string {
    return join(this.folder, 'journal.jsonl');
  }

  /** Makes the run's folders, durably. */
  async create(): Promise<void> {
    for (const name of ['', 'versions', 'spool']) await mkdir(join(this.folder, name), { recursive: true });
    await syncFolder(this.folder);
    await syncFolder(join(this.folder, '..'));
  }

  versionPath(version: number): string {
    return join(this.folder, 'versions', `${version}.safetensors`);
  }

  async readVersion(version: number): Promise<NamedTensors> {
    const path = this.versionPath(version);
    return decodeSafetensors(await readFile(path), path);
  }

  /** The server optimizer's moments after a version; none where it keeps none. */
  async readOptimizer(version: number): Promise<NamedTensors> {
    const path = this.#optimizerPath(version);
    try {
      return decodeSafetensors(await readFile(path), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
      throw error;
    }
  }

  /** Writes a version, its optimizer's state first. Repeating it changes nothing. */
  async writeVersion(
    version: number,
    adapter: NamedTensors,
    optimizer: NamedTensors,
  ): Promise<{ sha256: string }> {
    const bytes = encodeSafetensors(adapter);
    const statePath = this.#optimizerPath(version);
    if (optimizer.size > 0) await writeAtomic(statePath, encodeSafetensors(optimizer));
    else await rm(statePath, { force: true });
    await writeAtomic(this.versionPath(version), bytes);
    return { sha256: createHash('sha256').update(bytes).digest('hex') };
  }

  /** A version as PEFT reads it. @param config text of its adapter_config.json */
  async writeAdapter(version: number, config: string): Promise<void> {
    const folder = join(this.folder, 'adapter');
    await mkdir(folder, { recursive: true });
    await writeAtomic(join(folder, 'adapter_config.json'), config);
    await writeAtomic(join(folder, 'adapter_model.safetensors'), await readFile(this.versionPath(version)));
    await syncFolder(this.folder);
  }

  spool(stage: Stage): string {
    return join(this.folder, 'spool', `${stage.round}-${stage.kind}`);
  }

  updatePath(stage: Stage, deviceId: string): string {
    return join(this.spool(stage), `${deviceId}.update`);
  }

  writeSummary(summary: RunSummary): Promise<void> {
    return writeAtomic(join(this.folder, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  }

  /**
   * Removes all but the last `keep` versions, and updates of rounds that are no longer open nor among the
   * last.
   */
  async prune(version: number, round: number, keep: number): Promise<void> {
    for (const name of await readdir(join(this.folder, 'versions')))
      if (Number.parseInt(name, 10) <= version - keep)
        await rm(join(this.folder, 'versions', name), { force: true });
    for (const name of await readdir(join(this.folder, 'spool')))
      if (Number.parseInt(name, 10) <= round - keep)
        await rm(join(this.folder, 'spool', name), { recursive: true, force: true });
  }

  #optimizerPath(version: number): string {
    return join(this.folder, 'versions', `${version}.optimizer.safetensors`);
  }
}

/** A file's size; 0 where there is none. */
export async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}
