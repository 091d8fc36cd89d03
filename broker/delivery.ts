import type { Client } from 'aedes';

type Deliver = (
  packet: { retain: boolean; payload: Uint8Array; clientId?: string },
  done: () => void,
) => void;
/** What Aedes calls to deliver to a client; its types leave them out. */
interface Delivers {
  deliver0: Deliver;
  deliverQoS: Deliver;
}

interface Delivery {
  maxQueuedBytes: number;
  /**
   * Called where more than that wait for the client, with the session that sent the next message; it answers whether
   * that is to be delivered all the same.
   */
  full(waitingBytes: number, sender: string | undefined): boolean;
  /** A retained message of so many bytes is pulled. @returns milliseconds before the next */
  pulled(bytes: number): number;
}

/**
 * Lets nobody wait for a slow client. In Aedes a message is done when all who get it have taken it off its hands: one
 * that reads nothing would stall others for the drain timeout. Only retained messages, which a client pulls for itself,
 * go at its own speed, and no faster than it may.
 */
export function deliverApart(client: Client, { maxQueuedBytes, full, pulled }: Delivery): void {
  const delivers = client as unknown as Delivers;
  const apart =
    (deliver: Deliver): Deliver =>
    (packet, done) => {
      if (client.closed) return void setImmediate(done); // Aedes goes on reading what was retained for it.
      if (packet.retain) {
        const waitMs = pulled(packet.payload.length);
        return deliver(packet, waitMs > 0 ? () => setTimeout(done, waitMs) : done);
      }
      const { writableLength } = client.conn;
      if (writableLength <= maxQueuedBytes || full(writableLength, packet.clientId))
        deliver(packet, () => undefined);
      setImmediate(done);
    };
  delivers.deliver0 = apart(delivers.deliver0);
  delivers.deliverQoS = apart(delivers.deliverQoS);
}
