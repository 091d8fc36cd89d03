import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail } from '../runtime/service.js';
import { readArguments } from '../runtime/settings.js';
import { Refusal } from '../schemas/refusal.js';
import type { SettingTable } from '../schemas/settings.js';
import { askRegistry } from './audit.js';
import { billText } from './bill.js';
import { isAllowed, productionLicences } from './licences.js';
import { nameOf, readLock } from './lock.js';
import { type Architecture, architectures, pack, partsOf } from './pack.js';
import { writeSamples } from './sample.js';
import { type ServiceName, serviceNames } from './services.js';
import { sizesOf } from './size.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

const actions: Record<string, { summary: string; run(argv: readonly string[]): void }> = {
  table: { summary: 'what each service is made of: packages, modules, megabytes', run: showTable },
  pack: { summary: 'makes a folder that holds one service, and its bill of materials', run: runPack },
  bill: { summary: 'the bill of materials of a service, CycloneDX', run: showBill },
  licences: { summary: 'the licence of every production package', run: showLicences },
  audit: { summary: 'asks the registry for known vulnerabilities of the runtime packages', run: showAudit },
  sample: { summary: 'writes the built-in text as shards of sample devices', run: runSample },
};

// A reader that has seen enough (`npm run supply -- bill | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 70));

const [first = 'table', ...rest] = process.argv.slice(2);
const known = Object.hasOwn(actions, first);
// `npm run supply -- --arch arm64` is the table's.
const [name, argv] = known || !first.startsWith('-') ? [first, rest] : ['table', [first, ...rest]];
Promise.resolve()
  .then(() => {
    const action = actions[name];
    if (!action) throw new Refusal(`no action "${name}", expected one of ${Object.keys(actions).join(', ')}`);
    action.run(argv);
  })
  .catch(fail);

const serviceSetting = {
  service: { kind: 'choice', default: 'device', choices: serviceNames, help: 'which' },
} satisfies SettingTable;
const archSetting = {
  arch: { kind: 'choice', default: process.arch, choices: architectures, help: 'of the machine it is for' },
} satisfies SettingTable;
const outSetting = {
  out: { kind: 'text', default: '', help: 'folder that is made' },
} satisfies SettingTable;

function read<T extends SettingTable>(action: string, table: T, argv: readonly string[]) {
  const title = { command: `supply ${action}`, summary: actions[action]!.summary };
  return readArguments(table, { argv, env: {}, ...title }, 0).settings;
}

function requireOut(action: string, out: string): string {
  if (out === '') throw new Refusal(`supply ${action}: --out: expected the folder to make`);
  return resolve(out);
}

function showTable(argv: readonly string[]): void {
  const arch = read('table', archSetting, argv).arch as Architecture;
  const rows = serviceNames.map((service) => {
    const parts = partsOf(root, service);
    const { moduleBytes, assetBytes, packageBytes, largest } = sizesOf(root, parts, arch);
    const [modules, assets, packages] = [moduleBytes, assetBytes, packageBytes].map(megabytes);
    const most = largest.slice(0, 3).map(([folder, bytes]) => `${nameOf(folder)} ${megabytes(bytes)}`);
    const all = megabytes(moduleBytes + assetBytes + packageBytes);
    return `| ${service} | ${parts.packages.length} | ${packages} | ${parts.modules.length} | ${modules} | ${assets} | ${all} | ${most.join(', ')} |`;
  });
  const head = '| service | packages | MB | modules | MB | files MB | all MB | largest packages, MB |';
  process.stdout.write([head, '|---|---|---|---|---|---|---|---|', ...rows, ''].join('\n'));
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);

function runPack(argv: readonly string[]): void {
  const table = { ...serviceSetting, ...archSetting, ...outSetting };
  const settings = read('pack', table, argv);
  const service = settings.service as ServiceName;
  const out = requireOut('pack', settings.out);
  const parts = pack({ root, service, arch: settings.arch as Architecture, out });
  writeFileSync(join(out, 'bom.cdx.json'), billText(root, service, parts.packages));
  const { modules, packages } = parts;
  const what = `${service} for linux/${settings.arch}`;
  process.stdout.write(`${out}: ${what}, ${modules.length} modules, ${packages.length} packages\n`);
}

function showBill(argv: readonly string[]): void {
  const service = read('bill', serviceSetting, argv).service as ServiceName;
  process.stdout.write(billText(root, service, partsOf(root, service).packages));
}

function showLicences(argv: readonly string[]): void {
  read('licences', {}, argv);
  const all = productionLicences(readLock(root));
  const lines = all.map(({ name, version, licence }) => `${licence || 'none'}\t${name}\t${version}`);
  process.stdout.write(`${lines.join('\n')}\n`);
  const not = all.filter(({ licence }) => !isAllowed(licence)).map(({ name }) => name);
  if (not.length > 0) throw new Refusal(`licences that are not allowed: ${not.join(', ')}`);
}

/** Exit code 1: something is high or critical; 2: the registry does not say. */
function showAudit(argv: readonly string[]): void {
  read('audit', {}, argv);
  const asked = new Set(productionLicences(readLock(root)).map(({ name, version }) => `${name}@${version}`))
    .size;
  const audit = askRegistry(root);
  if (audit.kind === 'unanswered') {
    process.stderr.write(`fleetune: not audited: the registry does not answer audits: ${audit.why}\n`);
    process.exitCode = 2;
    return;
  }
  const { findings, lower } = audit;
  for (const { severity, name, title, url } of findings)
    process.stdout.write(`${severity}\t${name}\t${title}\t${url}\n`);
  if (findings.length > 0)
    throw new Refusal(`advisories, high or critical, on the ${asked} runtime packages: ${findings.length}`);
  const rest = lower === 0 ? '' : `; packages with something lower: ${lower}`;
  process.stdout.write(`${asked} runtime packages asked about: nothing high or critical${rest}\n`);
}

function runSample(argv: readonly string[]): void {
  const devices = {
    devices: { kind: 'integer', default: 3, min: 1, max: 1000, help: 'folders 1, 2, …' },
  } satisfies SettingTable;
  const settings = read('sample', { ...devices, ...outSetting }, argv);
  writeSamples(requireOut('sample', settings.out), settings.devices);
}
