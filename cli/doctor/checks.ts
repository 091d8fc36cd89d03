import { broker } from './broker.js';
import type { Check } from './check.js';
import { clock } from './clock.js';
import { disk } from './disk.js';
import { influx } from './influx.js';
import { machine } from './machine.js';
import { model } from './model.js';
import { ports } from './ports.js';
import { provider } from './provider.js';
import { sensors } from './sensors.js';
import { text } from './text.js';
import { tls } from './tls.js';

/** All that `fleetune doctor` looks at, in the order in which it is told. */
export const checks: Readonly<Record<string, Check>> = {
  machine,
  clock,
  disk,
  ports,
  tls,
  broker,
  influx,
  model,
  text,
  'provider cpu': provider('cpu'),
  'provider webgpu': provider('webgpu'),
  'provider cuda': provider('cuda'),
  sensors,
};
