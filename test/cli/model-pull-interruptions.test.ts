import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { entry } from './command.js';
import { model, startHub } from './hub-server.js';
import {
  cutAfter,
  environment,
  folderOf,
  partIn,
  placeOf,
  pullOf,
  repository,
  requireWhole,
  weights,
} from './pull-rig.js';

test('lost connections are taken up where they ended', async (t) => {
  const hub = await startHub(t, repository);
  const folder = await folderOf(t);
  hub.intercept = ({ at, range }, response) =>
    at === 'store' && placeOf(range) < 2_000_000
      ? cutAfter(placeOf(range) + 700_000, placeOf(range), weights.length, response)
      : false;
  const { code, err } = await pullOf(hub, folder);
  assert.equal(code, 0, err);
  assert.match(err, /connection .*was lost|connection ended/);
  requireWhole(folder);
  const ranges = hub.asked.filter(({ at }) => at === 'store').map(({ range }) => placeOf(range));
  assert.equal(ranges[0], 0);
  assert.ok(ranges.length >= 3 && ranges.every((place, i) => i === 0 || place > ranges[i - 1]!), `${ranges}`);
});

test('a hub that stays away is given up with a word on going on; the next pull does', async (t) => {
  const hub = await startHub(t, repository);
  const folder = await folderOf(t);
  hub.intercept = ({ at, range }, response) =>
    at === 'store' && cutAfter(Math.max(500_000, placeOf(range)), placeOf(range), weights.length, response);
  const { code, err } = await pullOf(hub, folder, ['--retries', '1']);
  assert.equal(code, 1);
  assert.match(err, /gave up after 2 tries\. What has come is kept: the same command goes on from there/);
  assert.equal(statSync(join(folder, partIn(folder)!)).size, 500_000);
  hub.intercept = undefined;
  hub.sent = 0;
  assert.equal((await pullOf(hub, folder)).code, 0);
  assert.ok(hub.sent <= weights.length - 500_000, `${hub.sent}`);
  requireWhole(folder);
});

test('a connection that falls silent is lost, and taken up', async (t) => {
  const hub = await startHub(t, repository);
  const folder = await folderOf(t);
  let silent = 0;
  hub.intercept = ({ at }, response) => {
    if (at !== 'store' || silent++ > 0) return false;
    response.writeHead(200, { 'content-length': weights.length });
    response.write(weights.subarray(0, 1_000_000));
    return true;
  };
  const { code, err } = await pullOf(hub, folder, ['--stall-s', '0.5']);
  assert.equal(code, 0, err);
  assert.match(err, /sent nothing for too long/);
  requireWhole(folder);
});

test('a busy hub is asked again, after the time that it names', async (t) => {
  const hub = await startHub(t, repository);
  const busy = [503, 429, 500];
  hub.intercept = (_asked, response) => {
    const status = busy.shift();
    if (status) response.writeHead(status, { 'retry-after': '0' }).end();
    return status !== undefined;
  };
  const { code, err } = await pullOf(hub, await folderOf(t));
  assert.equal(code, 0, err);
  for (const status of [503, 429, 500]) assert.match(err, new RegExp(`answered ${status}; trying again in`));
});

test('a server that knows no ranges starts a file over', async (t) => {
  const hub = await startHub(t, repository);
  const folder = await folderOf(t);
  let tries = 0;
  hub.intercept = ({ at }, response) => {
    if (at !== 'store') return false;
    if (tries++ === 0) return cutAfter(100_000, 0, weights.length, response);
    response.writeHead(200).end(weights);
    return true;
  };
  assert.equal((await pullOf(hub, folder)).code, 0);
  requireWhole(folder);
});

test('a part that was damaged on the disk is started over', async (t) => {
  const hub = await startHub(t, repository);
  const folder = await folderOf(t);
  hub.intercept = ({ at, range }, response) =>
    at === 'store' && cutAfter(1_000_000, placeOf(range), weights.length, response);
  await pullOf(hub, folder, ['--retries', '0']);
  const part = join(folder, partIn(folder)!);
  await writeFile(part, Buffer.alloc(statSync(part).size));
  hub.intercept = undefined;
  const { code, err } = await pullOf(hub, folder);
  assert.equal(code, 0, err);
  assert.match(err, /what was kept of it is damaged; starting it over/);
  requireWhole(folder);
});

test('what was killed goes on where it was, and one folder is filled by one pull', async (t) => {
  const hub = await startHub(t, repository);
  const folder = await folderOf(t);
  let held: (() => void) | undefined;
  const reached = new Promise<void>((resolve) => {
    hub.intercept = ({ at }, response) => {
      if (at !== 'store') return false;
      response.writeHead(200, { 'content-length': weights.length });
      response.write(weights.subarray(0, 2_000_000));
      held = resolve;
      return true;
    };
  });
  const argv = [entry, 'model', 'pull', model, '--folder', folder];
  const child = spawn(process.execPath, argv, { env: environment(hub), stdio: 'ignore' });
  const ended = once(child, 'exit');
  const seen = setInterval(() => {
    const part = partIn(folder);
    if (part && statSync(join(folder, part)).size === 2_000_000) held?.();
  }, 20);
  await reached;
  clearInterval(seen);
  const second = await pullOf(hub, folder);
  assert.equal(second.code, 1);
  assert.match(second.err, new RegExp(`is being filled by process ${child.pid}: wait`));
  child.kill('SIGKILL');
  await ended;
  hub.intercept = undefined;
  hub.sent = 0;
  assert.equal((await pullOf(hub, folder)).code, 0);
  assert.equal(hub.sent, 1_000_000);
  requireWhole(folder);
  assert.deepEqual(
    readdirSync(folder).filter((name) => /part|lock/.test(name)),
    [],
  );
});

test('Ctrl-C ends a pull at once, with what has come', async (t) => {
  const hub = await startHub(t, repository);
  const folder = await folderOf(t);
  const child = spawn(process.execPath, [entry, 'model', 'pull', model, '--folder', folder], {
    env: environment(hub),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (data) => {
    said += data;
  });
  const ended = once(child, 'exit');
  hub.intercept = ({ at }, response) => {
    if (at !== 'store') return false;
    response.writeHead(200, { 'content-length': weights.length });
    response.write(weights.subarray(0, 1_000_000), () => child.kill('SIGINT'));
    return true;
  };
  assert.deepEqual(await ended, [130, null]);
  assert.match(said, /stopped; what has come is kept/);
  assert.doesNotMatch(said, /unexpected|^\s+at /m);
  assert.equal(existsSync(join(folder, '.fleetune-pull.lock')), false);
});
