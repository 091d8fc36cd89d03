import type { Client } from 'aedes';

type Deliver = (packet: { retain: boolean; clientId?: string }, done: () => void) => void;
/** What Aedes calls to deliver to a client; its types leave them out. */
interface Delivers {
  deliver0: Deliver;
  deliverQoS: Deliver;
}

/**
 * Lets nobody wait for a slow client. In Aedes a message is done when all who get it have taken it off its hands: one
 * that reads nothing would stall others for the drain timeout. Retained messages, which one client pulls for itself,
 * go at its own speed as before.
 * @param full called where more than `maxQueuedBytes` wait for the client, with the session that sent the next
 *   message; it answers whether that is to be delivered all the same
 */
export function deliverApart(
  client: Client,
  maxQueuedBytes: number,
  full: (waitingBytes: number, sender: string | undefined) => boolean,
): void {
  const delivers = client as unknown as Delivers;
  const apart =
    (deliver: Deliver): Deliver =>
    (packet, done) => {
      if (packet.retain) return deliver(packet, done);
      const { writableLength } = client.conn;
      if (writableLength <= maxQueuedBytes || full(writableLength, packet.clientId))
        deliver(packet, () => undefined);
      setImmediate(done);
    };
  delivers.deliver0 = apart(delivers.deliver0);
  delivers.deliverQoS = apart(delivers.deliverQoS);
}
