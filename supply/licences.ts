import { type Lock, nameOf } from './lock.js';

/** Licences that ask for no more than that their text is kept: a service may be given on with them. */
export const allowedLicences = [
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
];

export interface Licensed {
  name: string;
  version: string;
  /** SPDX expression, as the package says; empty where it says none. */
  licence: string;
}

/** Every package of the lock file that is no development package, by licence, then name. */
export function productionLicences(lock: Lock): Licensed[] {
  return Object.entries(lock)
    .filter(([folder, { dev }]) => folder !== '' && !dev)
    .map(([folder, { version, license = '' }]) => ({ name: nameOf(folder), version, licence: license }))
    .sort((a, b) => compare(a.licence, b.licence) || compare(a.name, b.name));
}

/** Whether one of the licences that an expression lets us choose is allowed; all that are joined by AND must be. */
export function isAllowed(expression: string): boolean {
  const choices = expression.replace(/^\((.*)\)$/, '$1').split(/\s+OR\s+/i);
  return choices.some((choice) => choice.split(/\s+AND\s+/i).every((id) => allowedLicences.includes(id)));
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
