import assert from 'node:assert/strict';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createServer, type TlsOptions } from 'node:tls';
import { bundleFiles } from '../../identity/bundle.js';
import { serverTls, watchBundle } from '../../identity/server-tls.js';
import { watchFiles } from '../../runtime/file-watch.js';
import { Events } from '../broker/rig.js';
import { makeTestAuthority } from './authority-rig.js';

test('a bundle whose certificate is away for a moment, or cut, ends nobody, and the next one counts', async (t) => {
  const { bundle } = await makeTestAuthority(t);
  const [folder, next] = [await bundle('broker', 'server'), await bundle('broker', 'server')];
  const [told, looked] = [new Events<TlsOptions>(), new Events<string>()];
  const server = createServer(serverTls(folder));
  const renewed = (options: TlsOptions) => {
    server.setSecureContext(options);
    told.add(options);
  };
  t.after(watchBundle(folder, renewed));
  const certificate = join(folder, bundleFiles.certificate);
  t.after(watchFiles([certificate], 1000, () => looked.add('looked'))); // As often, and after it.
  await rm(certificate);
  await looked.count(1);
  const whole = await readFile(join(next, bundleFiles.certificate), 'utf8');
  await cp(join(next, bundleFiles.key), join(folder, bundleFiles.key));
  await writeFile(certificate, `${whole}-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n`);
  await looked.count(2);
  assert.deepEqual(told.all, []);
  await writeFile(certificate, whole);
  await told.count(1);
  assert.deepEqual(told.all.at(-1), serverTls(next));
});
