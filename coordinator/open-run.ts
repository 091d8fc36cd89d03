import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { told } from '../runtime/log.js';
import { Refusal } from '../schemas/refusal.js';
import { readSafetensorsHeader } from '../schemas/tensors.js';
import { Journal } from './journal.js';
import { apply, type RunEntry, type RunState, replay } from './run.js';
import type { RunStore } from './run-store.js';

/** The run that is on. Its state is what its journal says: an entry is on disk before it takes effect. */
export class OpenRun {
  readonly store: RunStore;
  readonly #journal: Journal<RunEntry>;
  #state: RunState;
  #shapes: { version: number; shapes: Map<string, number[]> } | undefined;

  private constructor(store: RunStore, journal: Journal<RunEntry>, state: RunState) {
    this.store = store;
    this.#journal = journal;
    this.#state = state;
  }

  static async start(store: RunStore, started: RunEntry): Promise<OpenRun> {
    await store.create();
    const journal = await Journal.open<RunEntry>(store.journal, 0);
    await journal.append(started);
    return new OpenRun(store, journal, replay([started]));
  }

  /** @throws Refusal where the journal or the adapter's file is not what the run left */
  static async resume(store: RunStore, entries: RunEntry[], wholeBytes: number): Promise<OpenRun> {
    const state = replayed(store.journal, entries);
    if (state.version >= 0) await requireVersion(store.versionPath(state.version), state.sha256);
    await store.create();
    return new OpenRun(store, await Journal.open<RunEntry>(store.journal, wholeBytes), state);
  }

  get state(): RunState {
    return this.#state;
  }

  /** @throws Error when the disk does not take the entry; then the state is as before */
  async take(entry: RunEntry): Promise<void> {
    const next = apply(this.#state, entry);
    await this.#journal.append(entry);
    this.#state = next;
  }

  /** Names and shapes of the current adapter; null before there is one. */
  async shapes(): Promise<ReadonlyMap<string, readonly number[]> | null> {
    const { version } = this.#state;
    if (version < 0) return null;
    if (this.#shapes?.version !== version) {
      const path = this.store.versionPath(version);
      const bytes = await readFile(path);
      const { entries } = readSafetensorsHeader(bytes, bytes.length, path);
      this.#shapes = { version, shapes: new Map([...entries].map(([name, { shape }]) => [name, shape])) };
    }
    return this.#shapes.shapes;
  }

  close(): Promise<void> {
    return this.#journal.close();
  }
}

function replayed(path: string, entries: RunEntry[]): RunState {
  try {
    return replay(entries);
  } catch (cause) {
    throw new Refusal(`${path}: its lines are not those of one run (${told(cause)}): move its folder away`);
  }
}

async function requireVersion(path: string, sha256: string): Promise<void> {
  const bytes = await readFile(path).catch(() => new Uint8Array());
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new Refusal(
      `${path} is not the adapter that the journal names: restore it, or move the run's folder away`,
    );
}
