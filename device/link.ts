import { ConnectionLost, type FleetClient } from '../broker/client.js';

/** What transfers need of the client. */
export type Wire = Pick<FleetClient, 'publish' | 'subscribe' | 'unsubscribe' | 'connected'>;

/** A connection that was announced; `ended` aborts with a ConnectionLost when it is gone. */
export interface Connection {
  wire: Wire;
  ended: AbortSignal;
}

/** The device's connections to its broker, one after the other, as transfers see them. */
export class Link {
  #current: { connection: Connection; abort: AbortController } | undefined;
  readonly #waiting = new Set<(connection: Connection) => void>();

  up(wire: Wire): void {
    const abort = new AbortController();
    this.#current = { connection: { wire, ended: abort.signal }, abort };
    for (const give of this.#waiting) give(this.#current.connection);
    this.#waiting.clear();
  }

  down(reason: string): void {
    this.#current?.abort.abort(new ConnectionLost(`the connection to the broker was lost: ${reason}`));
    this.#current = undefined;
  }

  /** The connection there is, or the next one. Rejects with the signal's reason. */
  connection(signal: AbortSignal): Promise<Connection> {
    if (signal.aborted) return Promise.reject(signal.reason);
    // A lost connection rejects what was asked of it before it is told to us.
    if (this.#current?.connection.wire.connected) return Promise.resolve(this.#current.connection);
    return new Promise((resolve, reject) => {
      const give = (connection: Connection) => {
        signal.removeEventListener('abort', onAbort);
        resolve(connection);
      };
      const onAbort = () => {
        this.#waiting.delete(give);
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort);
      this.#waiting.add(give);
    });
  }
}
