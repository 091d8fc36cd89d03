import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { variableOf } from '../../runtime/settings.js';
import { type ServiceName, services } from '../../supply/services.js';
import { documented } from '../settings-docs.js';

interface ComposeService {
  image: string;
  build?: { context: string; target: string };
  command?: string[];
  environment?: Record<string, string>;
  volumes?: string[];
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  depends_on?: Record<string, unknown> | string[];
}

const root = fileURLToPath(new URL('../../..', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const compose = parse(read('compose.yaml'), { merge: true }) as {
  services: Record<string, ComposeService>;
  volumes: Record<string, null>;
};
const all = Object.entries(compose.services);
const ours = all.filter(([, { image }]) => image.startsWith('fleetune-'));
const commandOf = ({ command = [] }: ComposeService) =>
  Object.keys(documented).find((name) => `fleetune ${command.join(' ')}`.startsWith(name));

test('each service of ours is a target of the Dockerfile, shut in', () => {
  assert.ok(ours.length >= 8);
  for (const [name, { image, build, read_only, cap_drop, security_opt }] of ours) {
    assert.equal(build?.target, image.replace('fleetune-', ''), name);
    assert.match(read('Dockerfile'), new RegExp(`^FROM runtime AS ${build?.target}$`, 'm'));
    assert.deepEqual([read_only, cap_drop, security_opt], [true, ['ALL'], ['no-new-privileges:true']], name);
  }
});

test('each service is given settings that its command has, and a command that its image carries', () => {
  for (const [name, service] of ours) {
    if (service.command?.[0] === 'help') continue; // The operator's: any command.
    const command = commandOf(service);
    assert.ok(command, `${name}: ${service.command?.join(' ')}`);
    const carried = services[service.image.replace('fleetune-', '') as ServiceName].commands;
    assert.ok(Object.hasOwn(carried, command.replace('fleetune ', '')), name);
    const known = Object.keys(documented[command]!).map(variableOf);
    const unknown = Object.keys(service.environment ?? {}).filter((variable) => !known.includes(variable));
    assert.deepEqual(unknown, [], name);
  }
});

test('volumes and services that are named are there', () => {
  for (const [name, { volumes = [], depends_on = [] }] of all) {
    const named = volumes.map((volume) => volume.split(':')[0]!).filter((volume) => !volume.startsWith('.'));
    for (const volume of named) assert.ok(volume in compose.volumes, `${name}: ${volume}`);
    const needed = Array.isArray(depends_on) ? depends_on : Object.keys(depends_on);
    for (const service of needed) assert.ok(service in compose.services, `${name}: ${service}`);
  }
});

test('no private key is mounted where another service could read it', () => {
  const keys = ['ca', 'tls-broker', 'tls-coordinator', 'tls-operator', 'tls-device-1', 'tls-device-2'];
  const holders = (volume: string) =>
    all
      .filter(([, { volumes = [] }]) => volumes.some((one) => one.startsWith(`${volume}:`)))
      .map(([name]) => name);
  const setups = ['identities', 'sample-identities'];
  assert.deepEqual(holders('ca'), ['identities', 'authority', 'sample-identities']);
  for (const volume of keys.slice(1))
    assert.equal(holders(volume).filter((name) => !setups.includes(name)).length, 1, volume);
});
