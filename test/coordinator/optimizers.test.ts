import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type OptimizerName, serverStep, usualRate } from '../../coordinator/optimizers.js';
import { decodeSafetensors, encodeSafetensors, type NamedTensors } from '../../schemas/tensors.js';

const golden = JSON.parse(
  readFileSync(new URL('../../../test/coordinator/goldens/optimizers.json', import.meta.url), 'utf8'),
);
const names = Object.keys(golden.after) as OptimizerName[];
const tensors = (values: number[]): NamedTensors =>
  new Map([['w', { shape: [2, 2], data: Float32Array.from(values) }]]);

function walk(
  name: OptimizerName,
  rates = golden.rates,
  between = (state: NamedTensors) => state,
): Float32Array[] {
  let [adapter, state] = [tensors(golden.start), new Map() as NamedTensors];
  return golden.deltas.map((delta: number[]) => {
    const next = serverStep(name, adapter, new Map([['w', Float64Array.from(delta)]]), between(state), rates);
    ({ adapter, state } = next);
    return adapter.get('w')!.data;
  });
}

for (const name of names) {
  test(`${name} agrees with the reference to 1e-6 over three steps`, () => {
    walk(name).forEach((x, step) => {
      x.forEach((value, i) => {
        const expected = golden.after[name][step][i];
        assert.ok(
          Math.abs(value - expected) <= 1e-6 * Math.max(1, Math.abs(expected)),
          `${value}, not ${expected}`,
        );
      });
    });
  });

  test(`${name} goes on from its saved state as from that in memory, to the bit`, () => {
    const reread = (state: NamedTensors) => decodeSafetensors(encodeSafetensors(state), 'state');
    assert.deepEqual(walk(name, golden.rates, reread), walk(name));
  });
}

test('FedAdamW without decay is FedAdam, to the bit', () => {
  const rates = { ...golden.rates, weightDecay: 0 };
  assert.deepEqual(walk('fedadamw', rates), walk('fedadam', rates));
  assert.notDeepEqual(walk('fedadamw'), walk('fedadam'));
});

test('FedAvg at its usual rate adds the mean update', () => {
  const rates = { ...golden.rates, learningRate: usualRate('fedavg') };
  const { adapter, state } = serverStep(
    'fedavg',
    tensors([1, 2, 3, 4]),
    new Map([['w', Float64Array.of(0.5, 0, -1, 2)]]),
    new Map(),
    rates,
  );
  assert.deepEqual([...adapter.get('w')!.data], [1.5, 2, 2, 6]);
  assert.equal(state.size, 0);
});

test('a mean that lacks a tensor is our own mistake', () => {
  assert.throws(
    () => serverStep('fedavg', tensors([1, 2, 3, 4]), new Map(), new Map(), golden.rates),
    /tensor w/,
  );
});
