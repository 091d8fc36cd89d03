import { type FieldOf, type MeasurementName, measurements } from '../schemas/measurements.js';

/** Units as schemas/measurements.ts writes them → as Grafana names them. */
const units: Readonly<Record<string, string>> = {
  W: 'watt',
  J: 'joule',
  'J/MB': 'suffix: J/MB',
  s: 's',
  ms: 'ms',
  B: 'decbytes',
  'B/s': 'Bps',
  '°C': 'celsius',
  '%': 'percent',
  MHz: 'suffix: MHz',
  '0..1': 'percentunit',
  'tokens/s': 'suffix: tokens/s',
  'tokens/s/W': 'suffix: tokens/s/W',
};

/** A plain number, shortened where it is large. */
export const plain = 'short';

/** Grafana's unit of a field: the table of measurements says it first, a comma or a space ends it. */
export function unitOf<M extends MeasurementName>(measurement: M, field: FieldOf<M>): string {
  const fields: Readonly<Record<string, string>> = measurements[measurement].fields;
  return units[fields[field]!.split(/[ ,]/)[0]!] ?? plain;
}
