import { pick, pickOther } from './chance.js';
import type { Domain, Outcome } from './domain.js';
import { drawDay, drawHour, drawStreet, drawTown, names, past, weekdays } from './words.js';

/** What happened, before anybody talks about it. Slots ending in 2 are wrong or beside the point. */
export interface Scene {
  readonly outcome: Outcome;
  readonly slots: Readonly<Record<string, string>>;
}

/** Draws the facts of one call, and false leads that differ from them. */
export function drawScene(domain: Domain, next: () => number): Scene {
  const problem = pick(domain.problems, next);
  const fix = pick(problem.causes, next);
  const [cause, action, reach] = fix;
  const mended = next() < 0.65;
  const outcome = reach === 'remote' ? (mended ? 'done' : 'visit') : mended ? 'visit' : 'waiting';
  const other = pickOther(problem.causes, [fix], next);
  if (other === undefined) throw new Error(`${domain.id}: "${problem.stated}" needs two causes`);

  const caller = pick(names, next);
  const agent = pickOther(names, [caller], next) ?? '';
  const third = pickOther(names, [caller, agent], next) ?? '';
  const object = pick(domain.objects, next);
  const place = drawPlace(domain, next);
  const day = drawDay(next);
  const hour = drawHour(day, next);
  const day2 = drawDay(next);
  return {
    outcome,
    slots: {
      desk: domain.desk,
      caller,
      agent,
      actor: outcome === 'visit' && next() < 0.6 ? third : agent,
      actor2: pickOther(names, [caller, agent, third], next) ?? '',
      object,
      object2: pickOther(domain.objects, [object], next) ?? '',
      place,
      place2: drawUnlike(place, () => drawPlace(domain, next)),
      problem: problem.stated,
      said: pick([problem.stated, ...problem.said], next),
      cause,
      cause2: other[0],
      action,
      acted: past(action),
      acted2: past(other[1]),
      day,
      hour,
      when: `${day} ${hour}`,
      when2: drawUnlike(`${day} ${hour}`, () => `${day2} ${drawHour(day2, next)}`),
      weekday2: pick(weekdays, next),
      stopgap: pick(domain.stopgaps, next).replace('{actor2}', pick(names, next)),
      delay: pick(domain.delays, next),
      relief: pick(domain.relief, next),
      town: drawTown(next),
    },
  };
}

function drawPlace(domain: Domain, next: () => number): string {
  const place = pick(domain.places, next);
  return withDigits(place, next)
    .replace('{street}', () => drawStreet(next))
    .replace('{town}', () => drawTown(next));
}

function drawUnlike(value: string, draw: () => string): string {
  for (;;) {
    const drawn = draw();
    if (drawn !== value) return drawn;
  }
}

/** Every `#` becomes a digit from 1 to 9. */
export const withDigits = (text: string, next: () => number): string =>
  text.replace(/#/g, () => String(1 + Math.floor(next() * 9)));

/** Puts the slots in and gives every sentence its capital. Throws on a slot that the scene lacks. */
export function fill(template: string, slots: Scene['slots']): string {
  const text = template.replace(/\{(\w+)\}/g, (_, slot: string) => {
    const value = slots[slot];
    if (value === undefined) throw new Error(`no slot "${slot}" for "${template}"`);
    return value;
  });
  return text.replace(
    /(^|[.?!] )([a-z])/g,
    (_, before: string, letter: string) => before + letter.toUpperCase(),
  );
}

/** The values that a summary of this template states: the fact tuple that splits are made of. */
export function statedFacts(template: string, slots: Scene['slots']): string[] {
  return [...template.matchAll(/\{(\w+)\}/g)].map(([, slot = '']) => slots[slot] ?? '');
}
