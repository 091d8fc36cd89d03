import { type KeyObject, sign } from 'node:crypto';

/** One line of a list. */
export interface Revoked {
  /** As serialOf gives it. */
  serial: string;
  atMs: number;
}

/**
 * A signed list of revoked certificates, DER [RFC 5280, 5.1]. Written here, as the library that reads it looks through
 * the whole list for each entry.
 * @param issuer the authority's name, DER
 * @param key EC
 */
export function encodeCrl(
  revoked: readonly Revoked[],
  { issuer, key }: { issuer: Uint8Array; key: KeyObject },
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Buffer {
  const entries = revoked.map(({ serial, atMs }) => sequence(integer(serial), time(atMs)));
  const list = sequence(
    integer('1'), // Version 2.
    ecdsaWithSha256,
    issuer,
    time(fromMs),
    time(toMs),
    ...(entries.length > 0 ? [sequence(...entries)] : []), // Absent where it would be empty [5.1.2.6].
  );
  return sequence(list, ecdsaWithSha256, tagged(0x03, Buffer.of(0), sign('sha256', list, key)));
}

function tagged(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const length = hexBytes(content.length.toString(16));
  return Buffer.concat([
    content.length < 0x80 ? Buffer.of(tag) : Buffer.of(tag, 0x80 | length.length),
    length,
    content,
  ]);
}

const sequence = (...parts: readonly Uint8Array[]) => tagged(0x30, ...parts);

/** A positive one. */
function integer(hex: string): Buffer {
  const bytes = hexBytes(hex);
  return tagged(0x02, ...(bytes[0]! & 0x80 ? [Buffer.of(0)] : []), bytes);
}

/** UTCTime up to 2049, GeneralizedTime from then on [5.1.2.4]. */
function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  return text < '2050' ? tagged(0x17, Buffer.from(text.slice(2))) : tagged(0x18, Buffer.from(text));
}

const hexBytes = (hex: string) => Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');

/** 1.2.840.10045.4.3.2 [RFC 5758, 3.2]. */
const ecdsaWithSha256 = sequence(tagged(0x06, Buffer.from('2a8648ce3d040302', 'hex')));
