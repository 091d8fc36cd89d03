import { execFileSync } from 'node:child_process';
import { type Lock, nameOf, readLock } from './lock.js';
import type { ServiceName } from './services.js';

/** What of CycloneDX 1.5 is looked at here. https://cyclonedx.org/docs/1.5/json/ */
export interface Bill {
  metadata: { component: Component; [other: string]: unknown };
  components: Component[];
  dependencies: { ref: string; dependsOn?: string[] }[];
  [other: string]: unknown;
}

interface Component {
  'bom-ref': string;
  name: string;
  version: string;
  [other: string]: unknown;
}

/** The bill of materials of all that the lock file holds, as npm writes it. Needs no network. */
export function wholeBill(root: string): Bill {
  const argv = ['sbom', '--sbom-format=cyclonedx', '--package-lock-only'];
  // npm warns of settings that it does not know: that is nobody's business here.
  const text = execFileSync('npm', argv, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(text) as Bill;
}

/**
 * The bill of one packed service: its own packages, and Node, which runs it.
 * @param packages their folders, as node_modules/ws
 * @param nodeVersion as v24.21.0
 */
export function billOf(
  whole: Bill,
  lock: Lock,
  service: ServiceName,
  packages: readonly string[],
  nodeVersion: string,
): Bill {
  const name = `fleetune-${service}`;
  const { version } = whole.metadata.component;
  const own = { ...whole.metadata.component, name, type: 'application' };
  const packed = new Set(packages.map((folder) => `${nameOf(folder)}@${lock[folder]!.version}`));
  const isPacked = (ref: string) => packed.has(ref);
  const node = { name: 'node', version: nodeVersion.replace(/^v/, '') };
  const runtime: Component = {
    'bom-ref': `node@${node.version}`,
    type: 'platform',
    ...node,
    purl: `pkg:generic/node@${node.version}`,
    cpe: `cpe:2.3:a:nodejs:node.js:${node.version}:*:*:*:*:*:*:*`,
  };
  return {
    ...whole,
    metadata: { ...whole.metadata, component: own },
    components: [...whole.components.filter((part) => isPacked(part['bom-ref'])), runtime],
    dependencies: whole.dependencies
      .filter(({ ref }) => isPacked(ref) || ref === `fleetune@${version}`)
      .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter(isPacked) })),
  };
}

/** As a file. */
export const billText = (root: string, service: ServiceName, packages: readonly string[]) =>
  `${JSON.stringify(billOf(wholeBill(root), readLock(root), service, packages, process.version), null, 2)}\n`;
