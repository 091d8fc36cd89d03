import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { bundleFiles } from '../../identity/bundle.js';
import { serverTls, watchBundle } from '../../identity/server-tls.js';
import { watchFiles } from '../../runtime/file-watch.js';
import { Events } from '../broker/rig.js';
import { makeTestAuthority } from './authority-rig.js';

test('a bundle whose certificate is away for a moment ends nobody, and the next one counts', async (t) => {
  const { bundle } = await makeTestAuthority(t);
  const [folder, next] = [await bundle('broker', 'server'), await bundle('broker', 'server')];
  const [told, looked] = [new Events<unknown>(), new Events<string>()];
  t.after(watchBundle(folder, told.add));
  // As often, and after it.
  t.after(watchFiles([join(folder, bundleFiles.certificate)], 1000, () => looked.add('looked')));
  await rm(join(folder, bundleFiles.certificate));
  await looked.count(1);
  assert.deepEqual(told.all, []);
  for (const file of [bundleFiles.key, bundleFiles.certificate])
    await cp(join(next, file), join(folder, file));
  await told.count(1);
  assert.deepEqual(told.all.at(-1), serverTls(next));
});
