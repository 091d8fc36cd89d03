import { createHash } from 'node:crypto';
import { ConnectionLost } from '../broker/client.js';
import type { Chunk, Manifest } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';
import type { Topics } from '../schemas/topics.js';
import { nextBatchSize } from './batch.js';
import type { Connection, Link } from './link.js';
import type { Mailbox } from './mailbox.js';

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

export interface PullParts {
  link: Link;
  mailbox: Mailbox<AdapterPiece>;
  topics: Topics;
  maxAdapterBytes: number;
  /** Nothing useful for so long: ask again. */
  silentMs: number;
  /** Silences in a row before the pull fails. */
  maxSilences: number;
}

export interface Pulled {
  bytes: Uint8Array;
  payloadBytes: number;
}

/**
 * Downloads a version of an adapter: its manifest, then its retained chunks by subscribing to a batch of them at a
 * time. Goes on where it was after a lost connection.
 * @throws Refusal for an adapter over the limit, Error when too often nothing came, the signal's reason
 */
export async function pullAdapter(
  wanted: WantedAdapter,
  parts: PullParts,
  signal: AbortSignal,
): Promise<Pulled> {
  const name = `version ${wanted.version} of run ${wanted.run}`;
  let manifest: Manifest | undefined;
  let chunks: (Uint8Array | undefined)[] = [];
  let [batchSize, silences, payloadBytes] = [1, 0, 0];

  const takeManifest = (piece: AdapterPiece): boolean => {
    if (piece.kind !== 'manifest' || piece.manifest.sha256 !== wanted.sha256) return false;
    requireWithin(piece.manifest, parts.maxAdapterBytes, name);
    manifest = piece.manifest;
    chunks = new Array(manifest.count).fill(undefined);
    return true;
  };
  const takeChunk = (piece: AdapterPiece): boolean => {
    if (piece.kind !== 'chunk' || !manifest || !belongs(piece.chunk, manifest)) return false;
    if (chunks[piece.chunk.index]) return false; // Delivered twice.
    chunks[piece.chunk.index] = piece.chunk.data;
    return true;
  };

  for (;;) {
    const connection = await parts.link.connection(signal);
    const collect = (filters: string[], take: (piece: AdapterPiece) => boolean) =>
      collectPieces(connection, filters, parts, signal, (piece) => {
        const taken = take(piece);
        if (taken) payloadBytes += piece.payloadBytes;
        return taken;
      });
    try {
      let whole: boolean;
      if (!manifest) {
        whole = await collect([parts.topics.manifest(wanted.run, wanted.version)], takeManifest);
      } else {
        const missing = [...chunks.keys()].filter((index) => !chunks[index]).slice(0, batchSize);
        const filters = missing.map((index) => parts.topics.adapterChunk(wanted.run, wanted.version, index));
        const from = performance.now();
        whole = await collect(filters, takeChunk);
        batchSize = whole ? nextBatchSize(batchSize, performance.now() - from) : 1;
      }
      if (manifest && chunks.every((chunk) => chunk)) {
        const bytes = Buffer.concat(chunks as Uint8Array[]);
        if (createHash('sha256').update(bytes).digest('hex') === wanted.sha256)
          return { bytes, payloadBytes };
        chunks.fill(undefined);
        whole = false;
      }
      silences = whole ? 0 : silences + 1;
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      batchSize = 1;
    }
    if (silences > parts.maxSilences)
      throw new Error(
        `${name} did not come: ${manifest ? 'its chunks are' : 'its manifest is'} not at the broker`,
      );
  }
}

/** Subscribes, takes as many useful pieces as there are filters, unsubscribes. @returns false where it fell silent */
async function collectPieces(
  { wire, ended }: Connection,
  filters: string[],
  { mailbox, silentMs }: PullParts,
  signal: AbortSignal,
  take: (piece: AdapterPiece) => boolean,
): Promise<boolean> {
  mailbox.clear();
  await wire.subscribe(filters);
  try {
    let missing = filters.length;
    for (let untilMs = performance.now() + silentMs; missing > 0; ) {
      const piece = await mailbox.take(untilMs - performance.now(), signal, ended);
      if (!piece) return false;
      if (!take(piece)) continue;
      missing--;
      untilMs = performance.now() + silentMs;
    }
    return true;
  } finally {
    // To subscribe again is what makes the broker send a retained message again.
    if (wire.connected) await wire.unsubscribe(filters).catch(ignoreLoss);
  }
}

function ignoreLoss(error: unknown): void {
  if (!(error instanceof ConnectionLost)) throw error;
}

function belongs({ sha256, index, count, totalBytes, data }: Chunk, manifest: Manifest): boolean {
  const bytes = Math.min(manifest.chunkBytes, manifest.totalBytes - index * manifest.chunkBytes);
  return (
    sha256 === manifest.sha256 &&
    count === manifest.count &&
    totalBytes === manifest.totalBytes &&
    data.length === bytes
  );
}

function requireWithin({ totalBytes }: Manifest, maxAdapterBytes: number, name: string): void {
  if (totalBytes > maxAdapterBytes)
    throw new Refusal(
      `${name} has ${totalBytes} bytes, at most ${maxAdapterBytes} are taken (maxAdapterBytes)`,
    );
}
