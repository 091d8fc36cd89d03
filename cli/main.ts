#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { fail } from '../runtime/service.js';
import { Refusal } from '../schemas/refusal.js';
import { type Command, commands } from './commands.js';
import { nearestWord } from './suggestion.js';
import { table } from './tables.js';

/** An image or a board carries one service, and names its commands here (`supply/pack.ts`). */
interface Manifest {
  version: string;
  fleetune?: { service: string; commands: readonly string[] };
}

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as Manifest;
const isCarried = (name: string) => manifest.fleetune?.commands.includes(name) ?? true;

// A reader that has seen enough (`fleetune devices | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 70));

main(process.argv.slice(2)).catch(fail);

async function main(argv: readonly string[]): Promise<void> {
  const [first = 'help'] = argv;
  if (first === 'help' && argv.length > 1) return main([...argv.slice(1), '--help']);
  if (first === 'help' || first === '--help' || first === '-h') return void process.stdout.write(overview());
  if (first === 'version' || first === '--version' || first === '-v')
    return void process.stdout.write(`fleetune ${manifest.version}\n`);
  const { name, command, rest } = chosen(argv);
  const usage = command.operand ? `\n\n  ${called(name)} --flag …` : '';
  await command.run(rest, { name: `fleetune ${name}`, summary: `${command.summary}${usage}` });
}

/** As somebody calls it. */
function called(name: string): string {
  return ['fleetune', name, commands[name]!.operand].filter(Boolean).join(' ');
}

/** The command that the first one or two words name. @throws Refusal with the nearest name where there is none */
function chosen(argv: readonly string[]): { name: string; command: Command; rest: readonly string[] } {
  for (const words of [2, 1]) {
    const name = argv.slice(0, words).join(' ');
    if (!Object.hasOwn(commands, name)) continue;
    if (!isCarried(name))
      throw new Refusal(
        `"fleetune ${name}" is not in this installation, which was packed for the ${manifest.fleetune?.service}\n` +
          'fleetune help lists what is',
      );
    return { name, command: commands[name]!, rest: argv.slice(words) };
  }
  const words = argv.filter((word) => !word.startsWith('-')).slice(0, 2);
  const longer = Object.keys(commands).filter((name) => isCarried(name) && name.startsWith(`${words[0]} `));
  if (words.length === 1 && longer.length > 1)
    throw new Refusal(
      `${words[0]} needs a second word: ${longer.map((name) => `fleetune ${name}`).join(', ')}`,
    );
  const near = nearestWord(words.join(' ') || argv[0]!, Object.keys(commands));
  throw new Refusal(
    `no command "${words.join(' ') || argv[0]}"${near ? `: did you mean fleetune ${near}?` : ''}\n` +
      'fleetune help lists the commands',
  );
}

function overview(): string {
  const rows = [
    ...Object.entries(commands)
      .filter(([name]) => isCarried(name))
      .map(([name, { summary }]) => ({ name: called(name), summary })),
    { name: 'fleetune help', summary: 'this text; with a command behind it, that command’s settings' },
    { name: 'fleetune version', summary: 'the version' },
  ];
  const text = table(
    [
      { title: 'command', cell: (row) => row.name },
      { title: 'what it does', cell: (row) => row.summary },
    ],
    rows,
  );
  return [
    'fleetune: a fleet of edge boards fine-tunes a T5 together over MQTT; its text stays on the boards.',
    '',
    text,
    '',
    'Each command has its own --help.',
    '',
  ].join('\n');
}
