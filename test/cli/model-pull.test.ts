import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { entry, fleetune } from './command.js';
import { fail, model, startHub, type TestHub } from './hub-server.js';

const config = JSON.stringify({
  ...{ model_type: 't5', vocab_size: 2048, d_model: 32, d_kv: 8, d_ff: 64, num_heads: 4, num_layers: 2 },
  feed_forward_proj: 'gated-gelu',
});
/** Bytes that no compression and no repetition hides a mistake in. */
const bytesOf = (seed: string, count: number) =>
  Buffer.concat(
    Array.from({ length: Math.ceil(count / 32) }, (_, i) =>
      createHash('sha256').update(`${seed} ${i}`).digest(),
    ),
  ).subarray(0, count);
const weights = bytesOf('weights', 3_000_000);
const repository = {
  'README.md': '# a model',
  'config.json': config,
  'tokenizer.json': '{}',
  'generation_config.json': '{}',
  'model.safetensors': weights,
  'pytorch_model.bin': bytesOf('pickle', 100_000),
};
const wanted = ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json'];

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-pull-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** An environment with no token of the machine's own. */
const environment = (hub: TestHub, more: Record<string, string> = {}) => ({
  ...{ PATH: process.env.PATH, HOME: '/nonexistent', HF_ENDPOINT: hub.endpoint },
  ...more,
});
const quick = ['--retry-s', '0.01'];
const pullOf = (
  hub: TestHub,
  folder: string,
  argv: readonly string[] = [],
  more: Record<string, string> = {},
) => fleetune(['model', 'pull', model, '--folder', folder, ...quick, ...argv], '', environment(hub, more));

const visible = (folder: string) =>
  readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .sort();
const partIn = (folder: string) => readdirSync(folder).find((name) => /^model.*\.part$/.test(name));
const requireWhole = (folder: string) => {
  assert.deepEqual(visible(folder), wanted);
  assert.ok(readFileSync(join(folder, 'model.safetensors')).equals(weights));
};
const bodies = (hub: TestHub) => hub.asked.filter(({ path }) => /\.safetensors$/.test(path));

/** Sends a body up to a byte and cuts the connection. */
const cutAfter = (
  bytes: number,
  from: number,
  total: number,
  response: import('node:http').ServerResponse,
) => {
  const headers = { 'content-length': total - from, 'content-range': `bytes ${from}-${total - 1}/${total}` };
  response.writeHead(from > 0 ? 206 : 200, headers);
  response.write(weights.subarray(from, bytes), () => response.destroy());
  return true;
};
const placeOf = (range: string | undefined) => Number(/\d+/.exec(range ?? '0')![0]);

test('a model is fetched, checked, and not fetched again', async (t) => {
  const hub = await startHub(t, repository);
  const folder = join(await folderOf(t), 'new');
  const first = await pullOf(hub, folder);
  assert.equal(first.err.match(/^model\.safetensors {2}2\.9 MiB$/gm)?.length, 1, first.err);
  assert.match(first.out, /google\/flan-t5-test at c0ffee000000, 4 files, 2\.9 MiB: all hashes checked/);
  assert.equal(first.code, 0);
  requireWhole(folder);
  const [asked, sent] = [hub.asked.length, hub.sent];
  const second = await pullOf(hub, folder, ['--revision', hub.commit]);
  assert.match(second.out, /all there already, nothing downloaded/);
  assert.equal(hub.sent, sent);
  assert.equal(hub.asked.length, asked + 3); // The commit and the two pages of its listing.
});

test('files that somebody else has put there are known by their hashes', async (t) => {
  const hub = await startHub(t, repository);
  const folder = await folderOf(t);
  for (const name of wanted) await writeFile(join(folder, name), hub.files.get(name)!);
  assert.match((await pullOf(hub, folder)).out, /nothing downloaded/);
  assert.equal(hub.sent, 0);
});

test('a file of another origin is not overwritten; one that a pull wrote and that was damaged is', async (t) => {
  const hub = await startHub(t, repository);
  const folder = await folderOf(t);
  await writeFile(join(folder, 'config.json'), '{"mine":true}');
  const { code, err } = await pullOf(hub, folder);
  assert.equal(code, 1);
  assert.match(err, /config\.json is not that of google\/flan-t5-test.*give another --folder, or remove it/);
  await rm(join(folder, 'config.json'));
  await pullOf(hub, folder);
  await writeFile(join(folder, 'model.safetensors'), 'damaged');
  assert.equal((await pullOf(hub, folder)).code, 0);
  requireWhole(folder);
});

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

test('bytes that are not those of the listing are refused, and not kept', async (t) => {
  const hub = await startHub(t, repository);
  const folder = await folderOf(t);
  const wrong = Buffer.from(weights);
  wrong[1_500_000]! ^= 1;
  hub.intercept = ({ at }, response) => at === 'store' && !!response.writeHead(200).end(wrong);
  const { code, err } = await pullOf(hub, folder);
  assert.equal(code, 1);
  assert.match(
    err,
    /model\.safetensors: its sha256 is \w{64}, the hub's listing says \w{64}: damaged on its way/,
  );
  assert.deepEqual([partIn(folder), existsSync(join(folder, 'model.safetensors'))], [undefined, false]);
  hub.intercept = ({ path }, response) => /tokenizer/.test(path) && !!response.writeHead(200).end('[]');
  assert.match((await pullOf(hub, await folderOf(t))).err, /tokenizer\.json: its git sha1 is/);
  hub.intercept = ({ at }, response) =>
    at === 'store' && !!response.writeHead(200).end(Buffer.concat([weights, weights]));
  assert.match((await pullOf(hub, folder)).err, /sends more than the 3000000 bytes of its listing/);
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

test('an index and its shards are a model as well; what an older revision left goes', async (t) => {
  const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  const index = (names: string[]) =>
    JSON.stringify({ weight_map: { 'shared.weight': names[0], 'lm_head.weight': names[1] } });
  const files = {
    ...{ 'config.json': config, 'tokenizer.json': '{}', 'model.safetensors.index.json': index(shards) },
    ...{
      [shards[0]!]: bytesOf('a', 100_000),
      [shards[1]!]: bytesOf('b', 200_000),
      'flax-00001.msgpack': 'x',
    },
  };
  const hub = await startHub(t, files);
  const folder = await folderOf(t);
  assert.equal((await pullOf(hub, folder)).code, 0);
  assert.deepEqual(visible(folder), [
    'config.json',
    ...shards,
    'model.safetensors.index.json',
    'tokenizer.json',
  ]);
  hub.files = new Map(Object.entries(repository).map(([name, bytes]) => [name, Buffer.from(bytes)]));
  hub.commit = 'd'.repeat(40);
  assert.equal((await pullOf(hub, folder)).code, 0);
  requireWhole(folder);
  hub.files = new Map(
    Object.entries({ ...files, [shards[0]!]: '' }).map(([n, bytes]) => [n, Buffer.from(bytes)]),
  );
  hub.files.delete(shards[0]!);
  const lacking = await pullOf(hub, await folderOf(t));
  assert.match(
    lacking.err,
    /lacks model-00001-of-00002\.safetensors, which its model\.safetensors\.index\.json names/,
  );
});

test('what can be no model is refused with all that it lacks, before anything is fetched', async (t) => {
  const hub = await startHub(t, {
    'config.json': config,
    'spiece.model': 'x',
    'pytorch_model.bin': 'pickle',
  });
  const folder = join(await folderOf(t), 'never');
  const { code, err } = await pullOf(hub, folder);
  assert.equal(code, 1);
  assert.match(err, /no tokenizer\.json, only spiece\.model/);
  assert.match(
    err,
    /no model\.safetensors and no model\.safetensors\.index\.json \(only pytorch_model\.bin\): pickled/,
  );
  assert.deepEqual([hub.sent, existsSync(folder)], [0, false]);
});

test('another kind of model is refused before its weights are fetched', async (t) => {
  const hub = await startHub(t, { ...repository, 'config.json': '{"model_type":"bert"}' });
  const { err } = await pullOf(hub, await folderOf(t));
  assert.match(err, /flan-t5-test can't be used: its config\.json: model_type is "bert", expected "t5"/);
  assert.deepEqual(bodies(hub), []);
});

test('each answer of the hub that a person must mend says how', async (t) => {
  const hub = await startHub(t, repository);
  const folder = join(await folderOf(t), 'never');
  const refused = async (argv: string[], pattern: RegExp, more: Record<string, string> = {}) => {
    const { code, err } = await fleetune(
      ['model', 'pull', ...argv, '--folder', folder, ...quick],
      '',
      environment(hub, more),
    );
    assert.equal(code, 1);
    assert.match(err, pattern);
  };
  await refused(['google/flan-t6'], /shows google\/flan-t6 to nobody without a token .*check the name/);
  await refused(['google/flan-t6'], /does not accept the token, or it may not read/, { HF_TOKEN: 'hf_x' });
  await refused([model, '--revision', 'v9'], /has no revision "v9": expected a branch, a tag or a commit/);
  await refused([], /needs the name of a model.*as google\/flan-t5-small/s);
  await refused(['https://huggingface.co/google/flan-t5-small'], /is no name of a model/);
  await refused([model, '--revison', 'x'], /--revison: no such flag/);
  await refused([model], /HF_ENDPOINT is "hub", expected the address of a hub/, { HF_ENDPOINT: 'hub' });
  await refused([model, '--retries', '0'], /can't be reached \(ECONNREFUSED\); gave up/, {
    HF_ENDPOINT: 'http://127.0.0.1:6',
  });
  hub.intercept = (_asked, response) => fail(response, 403, 'GatedRepo', 'Access to model is restricted');
  await refused([model], /is gated \("Access to model is restricted"\): ask for access on .*HF_TOKEN/);
  hub.intercept = ({ path }, response) =>
    /resolve.*tokenizer/.test(path) && fail(response, 404, 'EntryNotFound', 'Entry not found');
  await refused([model], /tokenizer\.json: the hub lists this file and does not have it/);
  hub.intercept = (_asked, response) => !!response.writeHead(200).end('<html>');
  await refused([model], /does not answer as a hub does: not JSON/);
});

test('the token goes to the hub itself, from HF_TOKEN or its file, and never to the store', async (t) => {
  const hub = await startHub(t, repository);
  const seen = (at: 'hub' | 'store') =>
    new Set(hub.asked.filter((asked) => asked.at === at).map((a) => a.authorization));
  await pullOf(hub, await folderOf(t), [], { HF_TOKEN: 'secret-of-a-mirror' });
  assert.deepEqual(
    [seen('hub'), seen('store')],
    [new Set(['Bearer secret-of-a-mirror']), new Set([undefined])],
  );
  hub.asked.length = 0;
  const file = join(await folderOf(t), 'token');
  await writeFile(file, 'hf_of_a_file\n');
  await pullOf(hub, await folderOf(t), [], { HF_TOKEN_PATH: file });
  assert.deepEqual([seen('hub'), seen('store')], [new Set(['Bearer hf_of_a_file']), new Set([undefined])]);
});

test('a full disk is told before it is, and when it fills meanwhile', async (t) => {
  const mount = await mkdtemp(join(tmpdir(), 'fleetune-disk-'));
  t.after(async () => {
    if (isMounted) execFileSync('umount', [mount]);
    await rm(mount, { recursive: true });
  });
  let isMounted = false;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', mount], { stdio: 'ignore' });
  } catch {
    return t.skip('this user can mount no small disk');
  }
  isMounted = true;
  const large = bytesOf('large', 6_000_000);
  const hub = await startHub(t, { ...repository, 'model.safetensors': Buffer.concat([large, large]) });
  const folder = join(mount, 'model');
  const before = await pullOf(hub, folder);
  assert.match(
    before.err,
    /11\.4 MiB are to come and 2\d\.\d MiB of the disk are free, of which 16\.0 MiB stay so/,
  );
  assert.deepEqual(bodies(hub), []);
  hub.files.set('model.safetensors', large);
  const filler = join(mount, 'filler');
  hub.intercept = ({ at }) => {
    if (at === 'store')
      execFileSync('sh', ['-c', `head -c 20000000 /dev/zero > ${filler} || true`], { stdio: 'ignore' });
    return false;
  };
  const full = await pullOf(hub, folder);
  assert.equal(full.code, 1);
  assert.match(full.err, /\.part: the disk is full: make room; what has come is kept/);
  assert.doesNotMatch(full.err, /^\s+at /m);
  await rm(filler);
  [hub.intercept, hub.sent] = [undefined, 0];
  assert.equal((await pullOf(hub, folder)).code, 0);
  assert.ok(hub.sent < large.length);
});

test('an unwritable place is refused by its name', async (t) => {
  const hub = await startHub(t, repository);
  const folder = await folderOf(t);
  await writeFile(join(folder, 'file'), '');
  const { err } = await pullOf(hub, join(folder, 'file'));
  assert.match(err, /the model folder: can't write to .*file/);
  await mkdir(join(folder, 'model', 'tokenizer.json'), { recursive: true });
  const blocked = await pullOf(hub, join(folder, 'model'));
  assert.equal(blocked.code, 1);
  assert.match(blocked.err, /tokenizer\.json/);
});

test('without --folder the model’s own name is the folder', async (t) => {
  const hub = await startHub(t, repository);
  const cwd = await folderOf(t);
  const child = spawn(process.execPath, [entry, 'model', 'pull', model], {
    cwd,
    env: environment(hub),
    stdio: 'ignore',
  });
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  assert.ok((await readFile(join(cwd, basename(model), 'model.safetensors'))).equals(weights));
});
