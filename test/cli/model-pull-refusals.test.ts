import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fleetune } from './command.js';
import { fail, model, startHub } from './hub-server.js';
import {
  bodies,
  bytesOf,
  config,
  environment,
  folderOf,
  partIn,
  pullOf,
  quick,
  repository,
  weights,
} from './pull-rig.js';

test('bytes that are not those of the listing are refused, and not kept', async (t) => {
  const hub = await startHub(t, repository);
  const folder = await folderOf(t);
  const wrong = Buffer.from(weights);
  wrong[1_500_000]! ^= 1;
  hub.intercept = ({ at }, response) => at === 'store' && !!response.writeHead(200).end(wrong);
  const { code, err } = await pullOf(hub, folder);
  assert.equal(code, 1);
  assert.match(err, /model\.safetensors: its sha256 is \w{64}, the listing says \w{64}: damaged on its way/);
  assert.deepEqual([partIn(folder), existsSync(join(folder, 'model.safetensors'))], [undefined, false]);
  hub.intercept = ({ path }, response) => /tokenizer/.test(path) && !!response.writeHead(200).end('[]');
  assert.match((await pullOf(hub, await folderOf(t))).err, /tokenizer\.json: its git sha1 is/);
  hub.intercept = ({ at }, response) =>
    at === 'store' && !!response.writeHead(200).end(Buffer.concat([weights, weights]));
  assert.match((await pullOf(hub, folder)).err, /more comes than the 3000000 bytes of its listing/);
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

test('an error page that has no end is not read to its end', async (t) => {
  const hub = await startHub(t, repository);
  let sent = 0;
  hub.intercept = async (_asked, response) => {
    response.writeHead(403);
    const piece = Buffer.alloc(2 ** 16, 'x');
    for (; sent < 2 ** 26 && !response.destroyed; sent += piece.length)
      if (!response.write(piece)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
    return !!response.end();
  };
  const { err } = await pullOf(hub, join(await folderOf(t), 'never'));
  assert.match(err, /is gated: ask for access/);
  assert.ok(sent < 2 ** 24, `${sent} bytes of it were taken`);
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
