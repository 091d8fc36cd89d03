import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const moduleOf = (name: string) =>
  JSON.stringify(new URL(`../../../device/engine/${name}.js`, import.meta.url).href);

test('a session leaves no identifier and no telemetry to send behind', (t) => {
  const home = mkdtempSync(join(tmpdir(), 'fleetune-home-'));
  t.after(() => rmSync(home, { recursive: true }));
  const program = `
    const { Graph } = await import(${moduleOf('graph')});
    const { openSession } = await import(${moduleOf('session')});
    const graph = new Graph();
    graph.output('y', graph.exp(graph.input('x', [1])));
    const session = await openSession(graph, { folder: ${JSON.stringify(home)}, threads: 1, spinning: false });
    await session.release();`;
  // Without CI, in which the library is silent by itself.
  const { CI: _, GITHUB_ACTIONS: __, ...env } = process.env;
  execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...env, HOME: home, XDG_CACHE_HOME: join(home, '.cache') },
    stdio: 'inherit',
  });
  assert.deepEqual(readdirSync(home), []);
});
