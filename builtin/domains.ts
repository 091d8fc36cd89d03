import type { Domain } from './domain.js';
import { doors } from './domains/doors.js';
import { greenhouse } from './domains/greenhouse.js';
import { heating } from './domains/heating.js';
import { hospital } from './domains/hospital.js';
import { laptops } from './domains/laptops.js';
import { lifts } from './domains/lifts.js';
import { meters } from './domains/meters.js';
import { network } from './domains/network.js';
import { parcels } from './domains/parcels.js';
import { payroll } from './domains/payroll.js';
import { printers } from './domains/printers.js';
import { vehicles } from './domains/vehicles.js';
import { wind } from './domains/wind.js';

/** What the built-in model and its tokenizer are made from. */
// biome-ignore format: a list
export const pretrainingDomains: readonly Domain[] = [
  network, printers, laptops, lifts, heating, doors, vehicles, parcels, meters, payroll,
];

/** What the demo's devices hold; the built-in model has never seen any of it. */
export const demoDomains: readonly Domain[] = [wind, greenhouse, hospital];

export const allDomains: readonly Domain[] = [...pretrainingDomains, ...demoDomains];
