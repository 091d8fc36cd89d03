import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { commands } from '../cli/commands.js';
import { accessTable } from './access-docs.js';
import { allSettings, firstSettings } from './settings-docs.js';
import { arrows, owners } from './style-rules.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const [begin, end] = [
  '<!-- settings: UPDATE_DOCS=1 node --test dist/test/docs.test.js writes them -->',
  '<!-- end -->',
];

/** Compares the generated part of a document with what it should be; writes it where UPDATE_DOCS is set. */
function holds(file: string, generated: string): void {
  const text = read(file);
  const [before, rest] = text.split(begin) as [string, string | undefined];
  assert.ok(rest?.includes(end), `${file} has no part for settings`);
  const after = rest!.split(end)[1];
  const expected = `${before}${begin}\n\n${generated}\n\n${end}${after}`;
  if (process.env.UPDATE_DOCS) writeFileSync(join(root, file), expected);
  assert.equal(read(file), expected);
}

test('the README’s table of run settings is that of the code', () => {
  holds('README.md', firstSettings());
});

test('docs/settings.md is made from the tables of the code', () => {
  holds('docs/settings.md', allSettings());
});

test('docs/access.md holds the topic rules of the code', () => {
  holds('docs/access.md', accessTable());
});

test('the README names every command and every dependency', () => {
  const text = read('README.md');
  for (const name of Object.keys(commands)) assert.ok(text.includes(`fleetune ${name}`), name);
  for (const name of Object.keys(owners)) assert.ok(text.includes(`\`${name}\``), name);
});

test('every file that the documents name is there', () => {
  for (const document of ['README.md', 'docs/access.md', 'docs/architecture.md', 'docs/settings.md']) {
    const named = [...read(document).matchAll(/`([a-z][\w./-]*\.(?:ts|mjs|json|proto|yaml|md))`/g)].map(
      ([, file]) => file!,
    );
    const missing = named.filter((file) => file.includes('/') && !existsSync(join(root, file)));
    assert.deepEqual(missing, [], document);
  }
});

test('docs/architecture.md tells of every room', () => {
  const text = read('docs/architecture.md');
  for (const room of Object.keys(arrows)) assert.ok(text.includes(`\`${room}\``), room);
});
