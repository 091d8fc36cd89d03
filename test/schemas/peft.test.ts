import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lora } from '../../schemas/messages.js';
import { modulePattern } from '../../schemas/module-pattern.js';
import { adapterConfig, parseAdapterConfig } from '../../schemas/peft.js';

const lora = { rank: 16, alpha: 32, targets: ['q', 'v'] };

test('an adapter config comes back as it was written', () => {
  const full: Lora = {
    ...{ ...lora, dropout: 0.1, rslora: true },
    ...{ rankPattern: { k: 4, 'decoder.*v': 8 }, alphaPattern: { k: 2.5 } },
  };
  for (const one of [lora, full])
    assert.deepEqual(parseAdapterConfig(adapterConfig(one), 'adapter_config.json'), one);
});

test('an adapter config has the keys that PEFT asks for', () => {
  const config = JSON.parse(adapterConfig(lora));
  assert.equal(config.peft_type, 'LORA');
  assert.equal(config.task_type, 'SEQ_2_SEQ_LM');
  assert.equal(config.r, 16);
  assert.equal(config.lora_alpha, 32);
  assert.deepEqual(config.target_modules, ['q', 'v']);
  assert.equal(config.inference_mode, true);
  assert.equal(config.base_model_name_or_path, null);
});

test('a small foreign config is read, keys that change nothing are passed over', () => {
  const text =
    '{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["q"],"lora_dropout":0.1,"runtime_config":{"x":1},"new":null}';
  assert.deepEqual(parseAdapterConfig(text, 'a.json'), {
    ...{ rank: 8, alpha: 16, targets: ['q'], dropout: 0.1 },
  });
});

test('targets given as a pattern, or as all-linear, are the modules of the tensors that fit it', () => {
  const attention = 'encoder.block.0.layer.0.SelfAttention';
  const modules = [`${attention}.q`, `${attention}.v`, 'encoder.block.0.layer.1.DenseReluDense.wo'];
  const tensors = modules.flatMap((module) =>
    ['A', 'B'].map((matrix) => `base_model.model.${module}.lora_${matrix}.weight`),
  );
  const targetsOf = (target_modules: unknown) =>
    parseAdapterConfig(JSON.stringify({ ...JSON.parse(adapterConfig(lora)), target_modules }), 'a', tensors)
      .targets;
  assert.deepEqual(targetsOf('all-linear'), modules);
  assert.deepEqual(targetsOf('.*SelfAttention\\.(q|v)'), modules.slice(0, 2));
  assert.throws(() => targetsOf('SelfAttention.q'), /target_modules: expected/, 'the whole name has to fit');
  assert.throws(() => targetsOf('(?P<x>q)'), /pattern of modules \(\?P<x>q\): Invalid regular expression/);
});

test("a pattern of ranks is PEFT's: a regular expression for the end of a name, from a dot on", () => {
  const module = 'encoder.block.1.layer.0.SelfAttention.q';
  const fits = (key: string) => modulePattern(key).test(module);
  assert(fits('q') && fits('SelfAttention.q') && fits(module) && fits('encoder.*') && fits('k|q'));
  assert(!fits('elfAttention.q') && !fits('SelfAttention') && !fits('^decoder.*q') && !fits('k'));
  assert(fits('^encoder.block.1.*q') && !fits('^block.1.*q'));
});

test('what is no LORA of linear modules is refused, all of it at once and by name', () => {
  const parse = (changes: object) =>
    parseAdapterConfig(JSON.stringify({ ...JSON.parse(adapterConfig(lora)), ...changes }), 'a.json');
  assert.throws(() => parse({ use_dora: true, bias: 'all', rank_pattern: { q: 0 }, r: 0 }), {
    name: 'Refusal',
    message: /^a\.json: bias: "all".*use_dora: true.*r: expected.*rank_pattern: expected/,
  });
  const refused = {
    use_dora: true,
    modules_to_save: ['lm_head'],
    layers_to_transform: [0],
    layers_pattern: 'block',
    exclude_modules: ['k'],
    lora_bias: true,
    bias: 'lora_only',
    fan_in_fan_out: true,
    trainable_token_indices: [1],
    target_parameters: ['q.weight'],
    layer_replication: [[0, 1]],
    use_qalora: true,
    use_bdlora: { x: 1 },
    alora_invocation_tokens: [1],
    loftq_config: { bits: 4 },
    kasa_config: { x: 1 },
    task_type: 'CAUSAL_LM',
    peft_type: 'LOHA',
    lora_dropout: 1,
    use_rslora: 'yes',
    something_new: 1,
  };
  for (const [key, value] of Object.entries(refused))
    assert.throws(() => parse({ [key]: value }), new RegExp(`^Refusal: a\\.json: ${key}: `), key);
  for (const init of ['pissa', 'pissa_niter_4', 'olora', 'corda', 'loftq', 'lora_ga', 'mica'])
    assert.throws(() => parse({ init_lora_weights: init }), /init_lora_weights: .* is not supported/, init);
  for (const init of [true, false, 'gaussian', 'eva', 'orthogonal'])
    assert.deepEqual(parse({ init_lora_weights: init }), lora);
  assert.throws(() => parse({ alpha_pattern: { '(': 1 } }), /pattern of modules \(/);
  assert.throws(() => parseAdapterConfig('{"target_modules":"all-linear"}', 'a.json'), /target_modules/);
  assert.throws(() => parseAdapterConfig('[]', 'a.json'), /a\.json: not a JSON object/);
  assert.throws(() => parseAdapterConfig('{', 'a.json'), /a\.json: not JSON/);
});
