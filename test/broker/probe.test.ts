import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindOf } from '../../broker/probe.js';

/** As seen of real ones: granted for $SYS/broker/version, $SYS/brokers/+/version, and the filter. */
const seen = [
  {
    granted: [2, 2, 2],
    version: 'mosquitto version 2.0.11',
    speaks: ['3.1', '3.1.1', '5'],
    kind: /^mosquitto version/,
  },
  { granted: [128, 128, 2], version: undefined, speaks: ['3.1', '3.1.1'], kind: /^fleetune broker/ },
  { granted: [1, 1, 1], version: undefined, speaks: ['3.1.1'], kind: /^NATS/ },
  { granted: [1, 1, 1], version: undefined, speaks: ['3.1', '3.1.1'], kind: /^RabbitMQ/ },
  { granted: [2, 2, 2], version: undefined, speaks: ['3.1', '3.1.1'], kind: /^Aedes/ },
  { granted: [2, 2, 2], version: undefined, speaks: ['3.1.1', '5'], kind: /^of no kind known here/ },
];

test('a broker is told by what it says of itself, else by how it behaves', () => {
  for (const { granted, version, speaks, kind } of seen)
    assert.match(kindOf({ granted, version }, speaks), kind);
});
