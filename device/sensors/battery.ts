import { join } from 'node:path';
import type { Board, SmallFile } from './board.js';
import { type Sensor, within } from './sensor.js';

/** Charge of the machine's batteries, the lowest of them; not those of a mouse or a headset (scope "Device"). */
export async function findBattery(board: Board): Promise<Sensor[]> {
  const capacities: SmallFile[] = [];
  for (const supply of await board.list('sys/class/power_supply')) {
    if ((await board.file(join(supply, 'type')).ifText()) !== 'Battery') continue;
    if ((await board.file(join(supply, 'scope')).ifText()) === 'Device') continue;
    const capacity = board.file(join(supply, 'capacity'));
    if ((await capacity.ifNumber()) !== undefined) capacities.push(capacity);
  }
  if (capacities.length === 0) return [];
  return [
    {
      name: 'battery',
      async read() {
        const charges = [];
        for (const capacity of capacities)
          charges.push(within(await capacity.number(), 0, 100, 'charge in %'));
        return { fields: { battery_percent: Math.min(...charges) } };
      },
    },
  ];
}
