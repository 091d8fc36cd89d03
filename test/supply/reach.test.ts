import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namesIn } from '../../supply/reach.js';

test('a module names others at its head, by calls, and as files beside it', () => {
  const text = [
    "import { a } from './a.js';",
    'import $protobuf from "protobufjs/minimal.js";',
    "import './effect.js';",
    "import {\n  b,\n  c,\n} from '../b.js';",
    "export { d } from './d.js';",
    "export * from './e.js';",
    'export const from = 1;',
    "const { f } = await import('csv-parse/sync');",
    "const script = fileURLToPath(new URL('./process.js', import.meta.url));",
    "const told = 'import from nowhere';",
  ].join('\n');
  assert.deepEqual(
    namesIn(text).map(({ how, name }) => `${how} ${name}`),
    [
      ...['head ./a.js', 'head protobufjs/minimal.js', 'head ../b.js', 'head ./d.js', 'head ./e.js'],
      ...['head ./effect.js', 'call csv-parse/sync', 'url ./process.js'],
    ],
  );
});
