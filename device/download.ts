import { createHash } from 'node:crypto';
import type { Chunk, Manifest } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';
import type { Topics } from '../schemas/topics.js';
import { nextBatchSize } from './batch.js';

export interface WantedAdapter {
  run: string;
  version: number;
  sha256: string;
}

/** What arrived of adapters, with its payload's size. */
export type AdapterPiece = { payloadBytes: number } & (
  | { kind: 'manifest'; manifest: Manifest }
  | { kind: 'chunk'; chunk: Chunk }
);

/** Where the download of an adapter stands: what to ask for next, and what of the answers is of use. */
export class Download {
  readonly #wanted: WantedAdapter;
  readonly #topics: Topics;
  readonly #maxBytes: number;
  #manifest: Manifest | undefined;
  #chunks: (Uint8Array | undefined)[] = [];
  #batchSize = 1;
  #payloadBytes = 0;

  constructor(wanted: WantedAdapter, topics: Topics, maxBytes: number) {
    this.#wanted = wanted;
    this.#topics = topics;
    this.#maxBytes = maxBytes;
  }

  get payloadBytes(): number {
    return this.#payloadBytes;
  }

  /** Topics to ask for now: the manifest, then batches of the chunks that are missing. */
  batch(): string[] {
    const { run, version } = this.#wanted;
    if (!this.#manifest) return [this.#topics.manifest(run, version)];
    const missing = [...this.#chunks.keys()].filter((index) => !this.#chunks[index]);
    return missing.slice(0, this.#batchSize).map((index) => this.#topics.adapterChunk(run, version, index));
  }

  /** Takes a piece where it was missing. @throws Refusal for an adapter over the limit */
  take(piece: AdapterPiece): boolean {
    const taken =
      piece.kind === 'manifest' ? this.#takeManifest(piece.manifest) : this.#takeChunk(piece.chunk);
    if (taken) this.#payloadBytes += piece.payloadBytes;
    return taken;
  }

  /** All that was asked for came. */
  arrived(tookMs: number): void {
    if (this.#chunks.some((chunk) => chunk)) this.#batchSize = nextBatchSize(this.#batchSize, tookMs);
  }

  /** Something did not come, or the connection went. */
  missed(): void {
    this.#batchSize = 1;
  }

  /** The adapter, once all is there. Bytes that are not those wanted are forgotten, to be asked for again. */
  whole(): Uint8Array | 'damaged' | undefined {
    if (!this.#manifest || !this.#chunks.every((chunk) => chunk)) return undefined;
    const bytes = Buffer.concat(this.#chunks as Uint8Array[]);
    if (createHash('sha256').update(bytes).digest('hex') === this.#wanted.sha256) return bytes;
    this.#chunks.fill(undefined);
    return 'damaged';
  }

  /** For people: what it is, and what of it is missing. */
  problem(): string {
    const { run, version } = this.#wanted;
    const missing = this.#manifest ? 'its chunks are' : 'its manifest is';
    return `version ${version} of run ${run} did not come: ${missing} not at the broker`;
  }

  #takeManifest(manifest: Manifest): boolean {
    const { run, version, sha256 } = this.#wanted;
    if (this.#manifest || manifest.sha256 !== sha256) return false;
    const limit = `at most ${this.#maxBytes} are taken (maxAdapterBytes)`;
    if (manifest.totalBytes > this.#maxBytes)
      throw new Refusal(`version ${version} of run ${run} has ${manifest.totalBytes} bytes, ${limit}`);
    this.#manifest = manifest;
    this.#chunks = new Array(manifest.count).fill(undefined);
    return true;
  }

  #takeChunk({ sha256, index, count, totalBytes, data }: Chunk): boolean {
    const manifest = this.#manifest;
    if (!manifest || sha256 !== manifest.sha256 || count !== manifest.count) return false;
    const bytes = Math.min(manifest.chunkBytes, manifest.totalBytes - index * manifest.chunkBytes);
    if (totalBytes !== manifest.totalBytes || data.length !== bytes) return false;
    if (this.#chunks[index]) return false; // Delivered twice.
    this.#chunks[index] = data;
    return true;
  }
}
