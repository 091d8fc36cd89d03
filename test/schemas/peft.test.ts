import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adapterConfig, parseAdapterConfig } from '../../schemas/peft.js';

const lora = { rank: 16, alpha: 32, targets: ['q', 'v'] };

test('an adapter config comes back as it was written', () => {
  assert.deepEqual(parseAdapterConfig(adapterConfig(lora), 'adapter_config.json'), lora);
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
  const text = '{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["q"],"lora_dropout":0.1,"x":1}';
  assert.deepEqual(parseAdapterConfig(text, 'a.json'), { rank: 8, alpha: 16, targets: ['q'] });
});

test('what is no plain LORA is refused, all of it at once', () => {
  const config = {
    ...JSON.parse(adapterConfig(lora)),
    use_dora: true,
    bias: 'all',
    rank_pattern: { q: 4 },
    r: 0,
  };
  assert.throws(() => parseAdapterConfig(JSON.stringify(config), 'a.json'), {
    name: 'Refusal',
    message: /^a\.json: bias: "all".*use_dora: true.*rank_pattern.*r: expected/,
  });
  assert.throws(() => parseAdapterConfig('{"target_modules":"all-linear"}', 'a.json'), /target_modules/);
  assert.throws(() => parseAdapterConfig('[]', 'a.json'), /a\.json: not a JSON object/);
  assert.throws(() => parseAdapterConfig('{', 'a.json'), /a\.json: not JSON/);
});
