import { writeFile } from 'node:fs/promises';
import type { Example } from '../device/trainer-messages.js';
import { exampleIn } from './demo-folder.js';
import type { Demo } from './demo-run.js';
import { jsonLines } from './fleet.js';
import { wrapped } from './tables.js';

/** One held-out dialogue with its reference and its summaries by the model without and with the adapter. */
export async function exampleText(demo: Demo, example: Example, adapter: string): Promise<string> {
  const file = exampleIn(demo.folder);
  await writeFile(file, jsonLines([example]));
  const before = await summaryOf(demo, 'summary-before', file, []);
  const after = await summaryOf(demo, 'summary-after', file, ['--adapter', adapter]);
  return [
    'A held-out dialogue:',
    wrapped(example.source),
    `its reference:   ${example.target}`,
    `summary before:  ${before}`,
    `summary after:   ${after}`,
  ].join('\n');
}

/** Runs `fleetune summarize`: the engine blocks its process, so it gets one of its own. */
async function summaryOf(demo: Demo, name: string, file: string, adapter: string[]): Promise<string> {
  const { settings, supervisor, memory } = demo;
  const { prefix, maxSourceTokens, maxTargetTokens } = settings.run;
  const argv = [
    ...['summarize', '--model', settings.model, ...adapter, '--json', `--prefix=${prefix}`],
    ...['--max-source-tokens', String(maxSourceTokens), '--max-target-tokens', String(maxTargetTokens), file],
  ];
  const output = await supervisor.runToEnd(name, argv, ({ peakRssBytes }) =>
    memory.raise(name, Number(peakRssBytes)),
  );
  return JSON.parse(output) as string;
}
