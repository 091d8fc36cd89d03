import type { Slots } from './scene.js';

const slotPattern = /\{(\w+)\}/g;

/** The names of the slots in a template, in their order. */
export const slotsOf = (template: string): string[] =>
  [...template.matchAll(slotPattern)].map(([, slot = '']) => slot);

/** Puts the slots in and gives every sentence its capital. Throws on a slot that the scene lacks. */
export function fill(template: string, slots: Slots): string {
  const text = template.replace(slotPattern, (_, slot: string) => {
    const value = slots[slot];
    if (value === undefined) throw new Error(`no slot "${slot}" for "${template}"`);
    return value;
  });
  return text.replace(
    /(^|[.?!] )([a-z])/g,
    (_, before: string, letter: string) => before + letter.toUpperCase(),
  );
}
