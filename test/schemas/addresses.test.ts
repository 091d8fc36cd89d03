import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokerAddress, hostItems, readBrokerAddress, readHost } from '../../schemas/addresses.js';
import { checkSettings } from '../../schemas/settings.js';

test('a host is read as a certificate names it', () => {
  const hosts = {
    localhost: 'localhost',
    'Server.Example.': 'server.example',
    'a-1.my_host': 'a-1.my_host',
    '*.server.example': '*.server.example',
    'münchen.example': 'xn--mnchen-3ya.example',
    '10.0.0.5': '10.0.0.5',
    '[::1]': '::1',
    '2001:DB8:0:0::1': '2001:db8::1',
    '::ffff:1.2.3.4': '::ffff:102:304',
  };
  for (const [given, read] of Object.entries(hosts)) assert.equal(readHost(given), read, given);
});

test('what is no host is none: with a scheme, a port, a path, half an address', () => {
  const wrong = [
    '',
    'localhost:18898',
    '[::1]:1',
    'https://server.example',
    'server/path',
    'a b',
    'ana@server',
  ];
  const labels = [
    'a..b',
    '-a.example',
    'a-.example',
    '*',
    'a.*.example',
    '1.2.3',
    '256.1.1.1',
    'fe80::1%eth0',
  ];
  for (const given of [...wrong, ...labels, `${'a'.repeat(64)}.example`, 'm ü.example'])
    assert.equal(readHost(given), undefined, given);
});

test('a broker’s address has a protocol of MQTT, and no login or query', () => {
  for (const good of ['mqtt://127.0.0.1', 'mqtts://server.example:8883', 'wss://[::1]:9001/mqtt'])
    assert.equal(readBrokerAddress(good), good);
  for (const bad of [
    '',
    'server.example',
    'server.example:8883',
    'https://server.example',
    'mqtt://',
    'mqtt:x',
  ])
    assert.equal(readBrokerAddress(bad), undefined, bad);
  for (const login of [
    'mqtts://ana@server.example',
    'mqtts://:word@server.example',
    'ws://server.example/?t=word',
  ])
    assert.equal(readBrokerAddress(login), undefined, login);
});

test('what is refused is shown without its password; of a list, the one that is wrong', () => {
  const table = {
    broker: { kind: 'text', default: '', help: '', ...brokerAddress },
    hosts: { kind: 'list', default: [], help: '', ...hostItems },
  } as const;
  for (const url of [
    'mqtts://ana:s3cret@b:1',
    'mqtts://ana:s3/cret@b',
    'mqtts://b/?password=s3cret',
    'ana:s3cret@b',
  ]) {
    const [problem] = checkSettings(table, { broker: url }).problems;
    assert.match(problem!, /^broker: ".*" is not an address as mqtts:/);
    assert.doesNotMatch(problem!, /s3|cret/);
  }
  const { settings, problems } = checkSettings(table, { hosts: 'Server.Example, [::1]' });
  assert.deepEqual([settings.hosts, problems], [['server.example', '::1'], []]);
  assert.match(
    checkSettings(table, { hosts: 'a,b:1,c' }).problems[0]!,
    /^hosts: "b:1" is not a host name or address/,
  );
});
