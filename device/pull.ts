import { ConnectionLost } from '../broker/client.js';
import type { Topics } from '../schemas/topics.js';
import { type AdapterPiece, Download, type WantedAdapter } from './download.js';
import type { Connection, Link } from './link.js';
import type { Mailbox } from './mailbox.js';

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
  seconds: number;
}

/**
 * Downloads a version of an adapter: its manifest, then its retained chunks by subscribing to a batch of them
 * at a time. Goes on where it was after a lost connection.
 * @throws Refusal for an adapter over the limit, Error when too often nothing came, the signal's reason
 */
export async function pullAdapter(
  wanted: WantedAdapter,
  parts: PullParts,
  signal: AbortSignal,
): Promise<Pulled> {
  const download = new Download(wanted, parts.topics, parts.maxAdapterBytes);
  const fromMs = performance.now();
  for (let silences = 0; silences <= parts.maxSilences; ) {
    const connection = await parts.link.connection(signal);
    try {
      const from = performance.now();
      const came = await askForBatch(download, connection, parts, signal);
      if (came) download.arrived(performance.now() - from);
      else download.missed();
      const bytes = download.whole();
      if (bytes instanceof Uint8Array) {
        const seconds = (performance.now() - fromMs) / 1000;
        return { bytes, payloadBytes: download.payloadBytes, seconds };
      }
      silences = came && bytes !== 'damaged' ? 0 : silences + 1;
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      download.missed(); // Nobody's silence: the next connection goes on.
    }
  }
  throw new Error(download.problem());
}

/** Subscribes to a batch, takes what comes, unsubscribes. @returns whether all came before it fell silent */
async function askForBatch(
  download: Download,
  { wire, ended }: Connection,
  { mailbox, silentMs }: PullParts,
  signal: AbortSignal,
): Promise<boolean> {
  const filters = download.batch();
  mailbox.clear();
  await wire.subscribe(filters);
  try {
    let missing = filters.length;
    for (let untilMs = performance.now() + silentMs; missing > 0; ) {
      const piece = await mailbox.take(untilMs - performance.now(), signal, ended);
      if (!piece) return false;
      if (!download.take(piece)) continue;
      missing--;
      untilMs = performance.now() + silentMs;
    }
    return true;
  } finally {
    // Only what is subscribed to anew is sent again by the broker.
    if (wire.connected) await wire.unsubscribe(filters).catch(ignoreLoss);
  }
}

function ignoreLoss(error: unknown): void {
  if (!(error instanceof ConnectionLost)) throw error;
}
