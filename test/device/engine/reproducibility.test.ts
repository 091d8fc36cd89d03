import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { modelFolder } from './model-folder.js';

const program = fileURLToPath(new URL('./training-process.js', import.meta.url));

async function trainedElsewhere(folder: string, threads: number, dropout: number): Promise<string> {
  const settings = [folder, threads, dropout].map(String);
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...settings]);
  return stdout;
}

test('the same training in another process gives the same bytes', async () => {
  const folder = await modelFolder();
  for (const dropout of [0, 0.1]) {
    const first = await trainedElsewhere(folder, 2, dropout);
    assert.match(first, /^[0-9a-f]{64}$/);
    assert.equal(await trainedElsewhere(folder, 2, dropout), first);
    assert.equal(await trainedElsewhere(folder, 1, dropout), first, 'with one thread');
  }
});
