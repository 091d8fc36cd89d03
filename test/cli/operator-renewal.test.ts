import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectOperator } from '../../cli/operator.js';
import { heldIn } from '../../identity/provision.js';
import { startSecure } from '../broker/tls-rig.js';
import { serve } from '../identity/authority-rig.js';

test('an operator’s certificate that is due is renewed by his next command, beside its work', async (t) => {
  const { url, authority, bundle } = await startSecure(t);
  const { url: renewal } = await serve(t, authority);
  const tls = await bundle('operator', 'ana', { nowMs: Date.now() - 20 * 3_600_000 });
  const held = () => heldIn(tls, { name: 'ana', role: 'operator' }, authority, Date.now());
  assert.equal(held(), 'due');
  const reach = { broker: url, tls, authority: renewal, fleet: 'default', connectS: 10 };
  const operator = await connectOperator(reach, {});
  await operator.close();
  assert.equal(held(), 'valid');
});
