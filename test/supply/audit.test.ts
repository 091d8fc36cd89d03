import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { readAudit } from '../../supply/audit.js';
import { readLock } from '../../supply/lock.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const lock = readLock(root);
const bulk = '/-/npm/v1/security/advisories/bulk';

/** A registry on this machine, and what npm needs to ask it and no other. */
async function registry(t: TestContext, answer: RequestListener) {
  const server = createServer(answer);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const cache = mkdtempSync(join(tmpdir(), 'fleetune-'));
  t.after(() => {
    server.close();
    rmSync(cache, { recursive: true });
  });
  const { port } = server.address() as AddressInfo;
  return { npm_config_registry: `http://127.0.0.1:${port}/`, npm_config_cache: cache };
}

async function audit(env: Record<string, string>) {
  const argv = [join(root, 'dist/supply/main.js'), 'audit'];
  const child = spawn(process.execPath, argv, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { out, err, code };
}

/** Answers what is asked about in bulk with advisories, every package's page with its locked version alone. */
function advising(
  advisories: Record<string, readonly { severity: string }[]>,
  asked: Record<string, string[]>[] = [],
) {
  const answer: RequestListener = async (request, response) => {
    if (request.url === bulk && request.method === 'POST') {
      asked.push(JSON.parse(gunzipSync(await buffer(request)).toString()));
      const full = Object.entries(advisories).map(([name, list]) => [
        name,
        list.map(({ severity }, at) => ({
          ...{ id: at + 1, url: `https://advisories.example/${name}-${at + 1}`, title: `${name} does harm` },
          ...{ severity, vulnerable_versions: '<=999', cwe: [], cvss: { score: 0, vectorString: null } },
        })),
      ]);
      response.setHeader('content-type', 'application/json').end(JSON.stringify(Object.fromEntries(full)));
      return;
    }
    const name = decodeURIComponent(request.url!.slice(1));
    const version = lock[`node_modules/${name}`]?.version;
    if (!version) {
      response.writeHead(404).end('{}');
      return;
    }
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({ name, 'dist-tags': { latest: version }, versions: { [version]: { name, version } } }),
    );
  };
  return answer;
}

test('every runtime package is asked about, no other, and that nothing was found is said with their number', async (t) => {
  const asked: Record<string, string[]>[] = [];
  const { out, err, code } = await audit(await registry(t, advising({}, asked)));
  assert.equal(code, 0, err);
  const pairs = Object.entries(asked[0]!).flatMap(([name, versions]) => versions.map((v) => `${name}@${v}`));
  assert.match(out, new RegExp(`^${pairs.length} runtime packages asked about: nothing high or critical\n$`));
  assert.ok('mqtt' in asked[0]!);
  assert.ok(!('typescript' in asked[0]!));
});

test('what is high or critical fails, with package, severity and advisory; what is lower is counted', async (t) => {
  const severe = { ws: [{ severity: 'high' }, { severity: 'low' }], yaml: [{ severity: 'critical' }] };
  const bad = await audit(await registry(t, advising({ ...severe, pino: [{ severity: 'moderate' }] })));
  assert.equal(bad.code, 1);
  assert.deepEqual(bad.out.trimEnd().split('\n'), [
    'high\tws\tws does harm\thttps://advisories.example/ws-1',
    'critical\tyaml\tyaml does harm\thttps://advisories.example/yaml-1',
  ]);
  const fair = await audit(await registry(t, advising({ pino: [{ severity: 'moderate' }] })));
  assert.equal(fair.code, 0, fair.err);
  assert.match(fair.out, /nothing high or critical; packages with something lower: 1\n$/);
});

test('a registry that answers no audits is said to, and is no clean audit', async (t) => {
  const { out, err, code } = await audit(await registry(t, (_, response) => response.writeHead(405).end()));
  assert.deepEqual([out, code], ['', 2]);
  assert.match(err, /^fleetune: not audited: the registry does not answer audits: 405 Method Not Allowed/);
});

test('an npm that is told to be off line asks all the same, rather than to find nothing', async (t) => {
  const env = await registry(t, (_, response) => response.writeHead(405).end());
  assert.equal((await audit({ ...env, npm_config_offline: 'true' })).code, 2);
});

test('what is no report is no answer', () => {
  for (const text of ['', 'null', '{}', '{"message":"no"}', '<html>'])
    assert.equal(readAudit(text).kind, 'unanswered', text);
});
