import type { Duplex } from 'node:stream';

export interface PacketLimits {
  maxPacketBytes: number;
  /** Of packets that are no PUBLISH; absent: as the others. */
  maxControlBytes?: number;
}

const publishType = 3; // [MQTT 3.1.1, 2.2.1]

/**
 * Follows the fixed headers of MQTT packets in a byte stream [MQTT 3.1.1, 2.2] and tells the first one that
 * announces more than its limit, before anybody collects its payload.
 * @param counted called with the length that each packet announces
 * @returns `check`, to call with each piece: it answers what is wrong, or undefined; and how many bytes are to come of
 *   the packet that the last piece ended in
 */
export function packetLimit(
  { maxPacketBytes, maxControlBytes = maxPacketBytes }: PacketLimits,
  counted: (bytes: number) => void = () => undefined,
): { check(bytes: Uint8Array): string | undefined; remaining(): number } {
  let limit = 0;
  let skip = 0; // Bytes of the current packet still to come after its header.
  let shift = -1; // Of the remaining length's next 7 bits; -1: the next byte is a packet's type.
  let length = 0;
  const check = (bytes: Uint8Array) => {
    let at = 0;
    while (at < bytes.length) {
      if (skip > 0) {
        const step = Math.min(skip, bytes.length - at);
        skip -= step;
        at += step;
        continue;
      }
      const byte = bytes[at++]!;
      if (shift < 0) {
        [shift, length, limit] = [0, 0, byte >> 4 === publishType ? maxPacketBytes : maxControlBytes];
        continue;
      }
      length += (byte & 0x7f) * 2 ** shift;
      shift += 7;
      if (length > limit) return `a packet of ${length} bytes or more, the limit is ${limit}`;
      if (byte < 0x80) {
        [skip, shift] = [length, -1];
        counted(length);
      } else if (shift > 21) return 'a remaining length of more than four bytes'; // [MQTT-2.2.3]
    }
    return undefined;
  };
  return { check, remaining: () => skip };
}

/**
 * Watches what is read from a connection and calls `cut` once, with the reason, before the reader gets the
 * piece that breaks the limit. A 'data' listener beside the reader's own sees every piece first and changes
 * no flow.
 * @returns how many bytes are to come of the packet that was begun
 */
export function watchPackets(
  connection: Duplex,
  limits: PacketLimits,
  cut: (reason: string) => void,
  counted?: (bytes: number) => void,
): () => number {
  const { check, remaining } = packetLimit(limits, counted);
  const watch = (bytes: Uint8Array) => {
    const problem = check(bytes);
    if (problem === undefined) return;
    connection.off('data', watch);
    cut(problem);
  };
  connection.prependListener('data', watch);
  return remaining;
}
