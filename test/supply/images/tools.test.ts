import assert from 'node:assert/strict';
import { test } from 'node:test';
import { machineOf, missingPackages, run, tried } from './tools.js';

test('what is missing is told as Debian packages', () => {
  assert.deepEqual(
    missingPackages((program) => program !== 'podman' && program !== 'apt-get'),
    ['podman', 'apt'],
  );
  assert.deepEqual(
    missingPackages(() => true),
    [],
  );
});

test('the machine of a program stands in its head', () => {
  const head = (machine: number) =>
    Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, ...Array(14).fill(0), machine, 0]);
  assert.equal(machineOf(head(62)), 'amd64');
  assert.equal(machineOf(head(183)), 'arm64');
  assert.equal(machineOf(head(40)), 'other');
  assert.equal(machineOf(new TextEncoder().encode('#!/bin/sh')), 'no ELF');
});

test('a program that fails says what it said', async () => {
  const argv = ['-e', 'console.error("no such image"); process.exit(3)'];
  assert.throws(() => run(process.execPath, argv), /failed:\nno such image/);
  assert.deepEqual(await tried(process.execPath, argv), { code: 3, out: 'no such image\n' });
});
