import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { arrows, breaches, importsOf, longFiles, owners, type Source } from './style-rules.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Sources that git knows or would add; without git (a copied folder) there is nothing to ask. */
function sources(): Source[] {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  return listed
    .split('\n')
    .filter(
      (path) => /\.(ts|mjs)$/.test(path) && !path.includes('generated/') && existsSync(join(root, path)),
    )
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

const found = existsSync(join(root, '.git')) ? sources() : [];

test('the sources keep the style', { skip: found.length === 0 && 'not a git checkout' }, () => {
  assert.ok(found.length > 20);
  assert.deepEqual(breaches(found), []);
});

test('each rule finds its breach', () => {
  const bad = (path: string, text: string) => breaches([{ path, text: `${text}\n` }]);
  const told = (problems: string[], pattern: RegExp) => {
    assert.equal(problems.length, 1, problems.join());
    assert.match(problems[0]!, pattern);
  };
  told(
    bad('device/agent.ts', "import { x } from '../coordinator/round.js';"),
    /device may not import coordinator/,
  );
  told(
    bad('device/engine/t5.ts', "import { x } from '../agent.js';"),
    /device\/engine may not import device\/agent/,
  );
  told(bad('coordinator/run.ts', "export * from '../broker/server.js';"), /may not import broker\/server/);
  told(bad('cli/a.ts', "const m = await import('../coordinator/round.js');"), /cli may not import/);
  told(bad('bench/a.ts', "import { x } from '../test/browser.js';"), /bench may not import test/);
  told(bad('device/agent.ts', "import mqtt from 'mqtt';"), /mqtt belongs to broker\/connection\.ts/);
  told(bad('cli/a.ts', "import x from 'left-pad';"), /left-pad has no owner/);
  told(bad('attic/a.ts', "import { x } from './b.js';"), /attic is no room/);
  told(bad('cli/utils.ts', ''), /says nothing/);
  told(bad('cli/someThing.ts', ''), /kebab-case/);
  told(bad('cli/long.ts', '\n'.repeat(300)), /301 lines/);
  told(bad('cli/a.ts', `// ${'TO'}DO: later`), /work to do/);
  told(bad('cli/a.ts', `const a = b as ${'any'};`), /not any/);
  told(bad('cli/a.ts', `// @ts-${'ignore'}`), /mend/);
  told(bad('cli/a.ts', `publish('fleetune${'/v1'}/x/rounds/start')`), /schemas\/topics\.ts/);
});

test('what is allowed is no breach', () => {
  const text = [
    "import { a } from '../broker/client.js';",
    "import {\n  b,\n  c,\n} from './round.js';",
    "import type { D } from '../schemas/messages.js';",
    "import { readFile } from 'node:fs/promises';",
    'export const e = 1;',
  ].join('\n');
  assert.deepEqual(breaches([{ path: 'coordinator/run.ts', text }]), []);
  assert.deepEqual(importsOf({ path: 'a.ts', text }), [
    '../broker/client.js',
    './round.js',
    '../schemas/messages.js',
    'node:fs/promises',
  ]);
});

test('the tables of the rules name only what exists', {
  skip: found.length === 0 && 'not a git checkout',
}, () => {
  const paths = new Set(found.map(({ path }) => path));
  const files = [...Object.values(arrows).flat(), ...Object.values(owners).flat(), ...Object.keys(longFiles)];
  assert.deepEqual(
    files.filter((file) => file.endsWith('.ts') && !paths.has(file)),
    [],
  );
});

test('the formatter looks at every room, and at nothing that somebody keeps beside them', () => {
  const { files } = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8')) as {
    files: { includes: string[] };
  };
  const rooms = Object.keys(arrows).filter((room) => !room.includes('/'));
  const looked = files.includes.filter((glob) => !glob.startsWith('!'));
  assert.deepEqual(looked.sort(), ['*', ...rooms.map((room) => `${room}/**`)].sort());
});

test('every dependency has an owner, and every owner is a dependency', () => {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as Record<'dependencies' | 'devDependencies', Record<string, string>>;
  const owned = Object.keys(owners).filter((name) => !Object.hasOwn(devDependencies, name));
  assert.deepEqual(owned.sort(), Object.keys(dependencies).sort());
});
