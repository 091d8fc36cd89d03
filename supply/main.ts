import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail } from '../runtime/service.js';
import { readArguments } from '../runtime/settings.js';
import { Refusal } from '../schemas/refusal.js';
import type { SettingTable } from '../schemas/settings.js';
import { type Architecture, architectures, pack } from './pack.js';
import { type ServiceName, serviceNames } from './services.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

const actions: Record<string, (argv: readonly string[]) => void | Promise<void>> = { pack: runPack };

const [first = 'table', ...rest] = process.argv.slice(2);
const action = actions[first];
Promise.resolve()
  .then(() => {
    if (!action)
      throw new Refusal(`no action "${first}", expected one of ${Object.keys(actions).join(', ')}`);
    return action(rest);
  })
  .catch(fail);

function runPack(argv: readonly string[]): void {
  const table = {
    service: { kind: 'choice', default: 'device', choices: serviceNames, help: 'that is packed' },
    arch: { kind: 'choice', default: process.arch, choices: architectures, help: 'of the machine it is for' },
    out: { kind: 'text', default: '', help: 'the folder that is made' },
  } satisfies SettingTable;
  const title = { command: 'supply pack', summary: 'makes a folder that holds one service and nothing else' };
  const { service, arch, out } = readArguments(table, { argv, env: {}, ...title }, 0).settings;
  if (out === '') throw new Refusal('supply pack: --out: expected the folder to make');
  const parts = pack({
    root,
    service: service as ServiceName,
    arch: arch as Architecture,
    out: resolve(out),
  });
  process.stdout.write(
    `${out}: ${service} for linux/${arch}: ${parts.modules.length} modules, ${parts.packages.length} packages\n`,
  );
}
