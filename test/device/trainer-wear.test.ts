import assert from 'node:assert/strict';
import { test } from 'node:test';
import { residentBytes, wornOut } from '../../device/trainer-wear.js';

const level = { sessionsOpened: 2, residentBytes: 100e6 };

test('a process is worn out when it has grown by more than a fifth since its sessions were opened', () => {
  assert.equal(wornOut(level, { ...level, residentBytes: 119e6 }), '');
  assert.match(wornOut(level, { ...level, residentBytes: 121e6 }), /grown by 21 %/);
  assert.equal(wornOut(level, { sessionsOpened: 3, residentBytes: 200e6 }), '', 'a new session is no growth');
  assert.equal(wornOut(undefined, level), '');
});

test('a process that has loaded the model often is worn out', () => {
  assert.equal(wornOut(undefined, { ...level, sessionsOpened: 23 }), '');
  assert.match(wornOut(undefined, { ...level, sessionsOpened: 24 }), /loaded the model 24 times/);
});

test('garbage is not counted as memory that a process holds', async () => {
  const before = await residentBytes();
  for (let i = 0; i < 20; i++) new Float32Array(2e6).fill(1);
  assert((await residentBytes()) < before + 40e6);
});
