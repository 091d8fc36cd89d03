import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tokenizerConfig, tokenizerJson, tokenizerText, trainTokenizer } from './tokenizer.js';

// node dist/builtin/make-tokenizer.js [FOLDER]   writes the built-in tokenizer, byte for byte the same every time.
const folder = process.argv[2] ?? 'builtin/model';
mkdirSync(folder, { recursive: true });
const files = {
  'tokenizer.json': tokenizerJson(trainTokenizer()),
  'tokenizer_config.json': tokenizerConfig(),
};
for (const [name, content] of Object.entries(files)) {
  writeFileSync(join(folder, name), tokenizerText(content));
  console.log(`wrote ${join(folder, name)}`);
}
