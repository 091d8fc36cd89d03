import { open } from 'node:fs/promises';
import { ConnectionLost, type FleetClient } from '../broker/client.js';
import { type Log, told } from '../runtime/log.js';
import { encode } from '../schemas/codec.js';
import type { Manifest } from '../schemas/messages.js';
import type { Topics } from '../schemas/topics.js';

/** A version that devices are to find at the broker. */
export interface Shown {
  run: string;
  version: number;
  sha256: string;
  path: string;
}

type Sends = Pick<FleetClient, 'publish'>;

/**
 * Keeps one adapter version at the broker, as retained chunks and then their manifest, and clears older ones.
 * A broker that comes back gets it again. Works on its own: nothing that answers a message ever waits for it.
 */
export class Publisher {
  readonly #topics: Topics;
  readonly #chunkBytes: number;
  readonly #log: Log;
  readonly #onShown: () => void;
  #client: Sends | undefined;
  #wanted: Shown | undefined;
  #shown = '';
  #working = false;
  #trouble = '';
  /** Manifests that the broker holds, by version; those not wanted are to be cleared. */
  readonly #held = new Map<string, Manifest>();

  constructor(topics: Topics, chunkBytes: number, log: Log, onShown: () => void) {
    this.#topics = topics;
    this.#chunkBytes = chunkBytes;
    this.#log = log;
    this.#onShown = onShown;
  }

  /** Wants this version shown, and nothing else. Again: tries again what failed. */
  show(adapter: Shown): void {
    this.#wanted = adapter;
    void this.#work();
  }

  isShown(run: string, version: number): boolean {
    return this.#shown === nameOf({ run, version });
  }

  connected(client: Sends): void {
    this.#client = client;
    this.#shown = '';
    void this.#work();
  }

  disconnected(): void {
    this.#client = undefined;
  }

  /** A manifest arrived: the broker's from before, or our own echo. */
  seen(manifest: Manifest): void {
    this.#held.set(nameOf(manifest), manifest);
    void this.#work();
  }

  /** One thing after the other until all is as wanted, or the connection goes. */
  async #work(): Promise<void> {
    const client = this.#client;
    if (this.#working || !client) return;
    this.#working = true;
    try {
      for (let next = this.#next(); next && this.#client === client; next = this.#next()) await next(client);
      this.#trouble = '';
    } catch (error) {
      // The next connection begins anew; what the disk refuses is tried again by the next show().
      if (!(error instanceof ConnectionLost) && told(error) !== this.#trouble) {
        this.#trouble = told(error);
        this.#log.error('the adapter can’t be published', { reason: this.#trouble });
      }
    } finally {
      this.#working = false;
    }
    if (this.#client !== client) void this.#work();
  }

  #next(): ((client: Sends) => Promise<void>) | undefined {
    const wanted = this.#wanted;
    if (!wanted) return undefined;
    if (this.#shown !== nameOf(wanted)) return (client) => this.#put(client, wanted);
    for (const [name, manifest] of this.#held)
      if (name !== nameOf(wanted)) return (client) => this.#clear(client, name, manifest);
    return undefined;
  }

  async #put(client: Sends, { run, version, sha256, path }: Shown): Promise<void> {
    const file = await open(path);
    try {
      const totalBytes = (await file.stat()).size;
      const chunkBytes = this.#chunkBytes;
      const count = Math.ceil(totalBytes / chunkBytes);
      const buffer = Buffer.alloc(chunkBytes);
      for (let index = 0; index < count; index++) {
        const { bytesRead } = await file.read(buffer, 0, chunkBytes, index * chunkBytes);
        const data = buffer.subarray(0, bytesRead);
        const chunk = encode('Chunk', { sha256, index, count, totalBytes, data });
        await client.publish(this.#topics.adapterChunk(run, version, index), chunk, { retain: true });
      }
      const manifest: Manifest = { run, version, sha256, totalBytes, chunkBytes, count };
      await client.publish(this.#topics.manifest(run, version), encode('Manifest', manifest), {
        retain: true,
      });
      this.#held.set(nameOf(manifest), manifest);
    } finally {
      await file.close();
    }
    this.#shown = nameOf({ run, version });
    this.#onShown();
  }

  /** The manifest goes last, so that a coordinator that dies meanwhile finds what is left to clear. */
  async #clear(client: Sends, name: string, { run, version, count }: Manifest): Promise<void> {
    for (let index = 0; index < count; index++)
      await client.publish(this.#topics.adapterChunk(run, version, index), '', { retain: true });
    await client.publish(this.#topics.manifest(run, version), '', { retain: true });
    this.#held.delete(name);
  }
}

const nameOf = ({ run, version }: { run: string; version: number }) => `${run}.${version}`;
