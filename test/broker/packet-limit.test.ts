import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packetLimit } from '../../broker/packet-limit.js';
import { random } from '../../schemas/random.js';

/** A packet whose header announces `length` bytes, with as many behind it. */
function packet(length: number, body = length): Buffer {
  const header = [0x30];
  let rest = length;
  do {
    header.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from(header), Buffer.alloc(body, 0xff)]);
}

/** What a stream comes to when it arrives in pieces of `step` bytes. */
function problemOf(bytes: Buffer, limit: number, step: number): string | undefined {
  const { check } = packetLimit({ maxPacketBytes: limit });
  for (let at = 0; at < bytes.length; at += step) {
    const problem = check(bytes.subarray(at, at + step));
    if (problem) return problem;
  }
  return undefined;
}

test('packets up to the limit pass, however their bytes are split', () => {
  const stream = Buffer.concat([0, 1, 127, 128, 300, 0, 16_383, 16_384, 20_000].map((n) => packet(n)));
  for (const step of [1, 2, 3, 7, 100, stream.length])
    assert.equal(problemOf(stream, 20_000, step), undefined, `${step}`);
});

test('a packet over the limit is told from its header alone', () => {
  for (const length of [20_001, 2 ** 21, 268_435_455]) {
    const stream = Buffer.concat([packet(5), packet(20_000), packet(length, 0)]);
    for (const step of [1, 2, 3, stream.length])
      assert.match(problemOf(stream, 20_000, step) ?? '', /the limit is 20000/);
  }
});

test('a remaining length of more than four bytes is no packet', () => {
  const stream = Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x00]);
  for (const step of [1, 6]) assert.match(problemOf(stream, 20_000, step) ?? '', /more than four bytes/);
});

test('how a stream is split makes no difference, whatever its bytes', () => {
  const next = random('packet limit');
  for (let i = 0; i < 300; i++) {
    const bytes = Buffer.from(Array.from({ length: 200 }, () => Math.floor(next() * (i % 2 ? 256 : 130))));
    assert.equal(problemOf(bytes, 50, 1), problemOf(bytes, 50, 200));
  }
});

test('a packet that is no message has a limit of its own', () => {
  const limits = { maxPacketBytes: 20_000, maxControlBytes: 300 };
  const subscribe = (length: number) => Buffer.concat([Buffer.from([0x82]), packet(length).subarray(1)]);
  for (const step of [1, 7, 30_000]) {
    const { check } = packetLimit(limits);
    const stream = Buffer.concat([packet(20_000), subscribe(300), packet(20_000)]);
    for (let at = 0; at < stream.length; at += step)
      assert.equal(check(stream.subarray(at, at + step)), undefined);
    assert.match(check(subscribe(301)) ?? '', /a packet of 301 bytes or more, the limit is 300/);
  }
});

test('every packet is counted once, with the length that it announces', () => {
  const lengths = [0, 1, 127, 128, 300, 0, 20_000];
  const stream = Buffer.concat(lengths.map((n) => packet(n)));
  for (const step of [1, 3, stream.length]) {
    const counted: number[] = [];
    const { check } = packetLimit({ maxPacketBytes: 20_000 }, (bytes) => counted.push(bytes));
    for (let at = 0; at < stream.length; at += step) check(stream.subarray(at, at + step));
    assert.deepEqual(counted, lengths);
  }
});

test('how much is to come of a packet is known from its header on', () => {
  const { check, remaining } = packetLimit({ maxPacketBytes: 20_000 });
  const stream = Buffer.concat([packet(300), packet(0)]);
  const left = [...stream].map((_, i) => {
    check(stream.subarray(i, i + 1));
    return remaining();
  });
  assert.deepEqual([left[0], left[1], left[2], left[3], left[302], left.at(-1)], [0, 0, 300, 299, 0, 0]);
});
