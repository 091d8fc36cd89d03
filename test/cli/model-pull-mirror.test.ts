import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { fleetune } from './command.js';
import { folderOf, partIn, placeOf, quick, repository, requireWhole, wanted, weights } from './pull-rig.js';

const sumOf = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
const files = Object.entries(repository).filter(([name]) => wanted.includes(name));
const sums = files.map(([name, data]) => `${sumOf(data)}  ${name}\n`).join('');
const pull = (...argv: string[]) => fleetune(['model', 'pull', ...argv, ...quick]);

/** A model's folder, as on a stick. */
async function stick(t: TestContext, list = sums): Promise<string> {
  const folder = join(await folderOf(t), 'flan-t5-test');
  await mkdir(folder);
  for (const [name, data] of files) await writeFile(join(folder, name), data);
  await writeFile(join(folder, 'SHA256SUMS'), list);
  return folder;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A web server of static files; `first` may answer in its place. */
async function site(t: TestContext, first: Handler = () => false) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const name = request.url!.replace('/models/flan/', '');
    asked.push(`${request.method} ${name} ${request.headers.range ?? ''}`.trim());
    if (first(request, response)) return;
    const data = name === 'SHA256SUMS' ? sums : files.find(([file]) => file === name)?.[1];
    if (data === undefined) return void response.writeHead(404).end();
    const from = placeOf(request.headers.range);
    const bytes = Buffer.from(data);
    const range = { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': bytes.length - from,
      ...(from > 0 && range),
    });
    response.end(request.method === 'HEAD' ? undefined : bytes.subarray(from));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/flan`, asked };
}

test('a model comes from a folder, held against its SHA256SUMS, and once', async (t) => {
  const [from, to] = [await stick(t), join(await folderOf(t), 'model')];
  const first = await pull(from, '--folder', to);
  assert.match(first.out, /4 files, 2\.9 MiB: all hashes checked/, first.err);
  requireWhole(to);
  assert.match((await pull(from, '--folder', to)).out, /all there already/);
});

test('a model comes from an address, and goes on where the connection was cut', async (t) => {
  let cuts = 0;
  const { address, asked } = await site(t, (request, response) => {
    if (request.method === 'HEAD' || !request.url!.endsWith('.safetensors') || cuts++ > 0) return false;
    response.writeHead(200, { 'content-length': weights.length });
    response.write(weights.subarray(0, 1_500_000), () => response.socket!.end()); // What is on its way still comes.
    return true;
  });
  const to = join(await folderOf(t), 'model');
  const { code, err } = await pull(`${address}/`, '--folder', to);
  assert.equal(code, 0, err);
  requireWhole(to);
  assert.match(asked.join('\n'), /^GET model\.safetensors bytes=[1-9]\d*-$/m);
});

test('sums from elsewhere refuse a model that is another', async (t) => {
  const from = await stick(t);
  const [to, trusted] = [join(await folderOf(t), 'model'), join(await folderOf(t), 'sums')];
  await writeFile(trusted, sums.replace(sumOf(weights), sumOf('other weights')));
  const { code, err } = await pull(from, '--folder', to, '--sums', trusted);
  assert.equal(code, 1);
  assert.match(err, /model\.safetensors: its sha256 is [0-9a-f]{64}, .* says /);
  assert.equal(partIn(to), undefined);
  assert.throws(
    () => readFileSync(join(to, 'config.json')),
    /ENOENT/,
    'nothing takes its place before all is checked',
  );
});

test('a list that has no end is not read to its end, from an address, a folder or --sums', async (t) => {
  let sent = 0;
  const piece = Buffer.alloc(2 ** 16, 'x');
  const { address } = await site(t, (request, response) => {
    if (!request.url!.endsWith('SHA256SUMS')) return false;
    pipeline(
      Readable.from(
        (function* () {
          for (; sent < 2 ** 27; sent += piece.length) yield piece;
        })(),
      ),
      response,
      () => undefined,
    );
    return true;
  });
  const to = join(await folderOf(t), 'model');
  const told = async (...argv: string[]) => {
    const { code, err } = await pull(...argv, '--folder', to);
    assert.match(err, /is no list of a model's files: longer than 1048576 bytes/);
    assert.equal(code, 1);
  };
  await told(address);
  assert.ok(sent < 2 ** 26, `${sent} bytes sent`);
  const from = await stick(t);
  await told(from, '--sums', '/dev/zero');
  await rm(join(from, 'SHA256SUMS'));
  await symlink('/dev/zero', join(from, 'SHA256SUMS'));
  await told(from);
});

test('a source that is none says what it lacks', async (t) => {
  const from = await stick(t, '');
  const to = join(await folderOf(t), 'model');
  const told = async (words: RegExp, ...argv: string[]) => {
    const { code, err } = await pull(...argv, '--folder', to);
    assert.match(err, words);
    assert.equal(code, 1);
  };
  await told(/SHA256SUMS is empty: expected lines of sha256sum/, from);
  await told(/SHA256SUMS can't be read \(ENOENT\): make it there with "sha256sum \* > SHA256SUMS"/, to);
  await writeFile(join(from, 'SHA256SUMS'), `${sumOf('x')}  ../x\n`);
  await told(/SHA256SUMS:1: not a line of sha256sum for a file of that folder/, from);
  await writeFile(join(from, 'SHA256SUMS'), `${sumOf('x')}  config.json\n`);
  await told(/can't be used: no tokenizer\.json; no model\.safetensors/, from);
  const { address } = await site(t);
  await told(/nothing\/SHA256SUMS answered 404: make it there/, `${address}/nothing`);
  await told(/expected no login, no \? and no #/, address.replace('//', '//me:secret@'));
  await told(/--sums: the hub has hashes of its own/, 'google/flan-t5-small', '--sums', 'x');
});
