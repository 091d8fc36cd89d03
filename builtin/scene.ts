import { pick, pickOther } from './chance.js';
import type { Domain, Outcome } from './domain.js';
import { invent } from './invention.js';
import { drawDay, drawHour, names, past, weekdays } from './words.js';

export type Slots = Readonly<Record<string, string>>;

/** What happened, before anybody talks about it. Slots ending in 2 are wrong or beside the point. */
export interface Scene {
  readonly outcome: Outcome;
  readonly slots: Slots;
}

/** How often a fault ends in the first way its reach allows: cured at once, or visited without a wait. */
const promptShare = 0.65;
/** How often the agent sends somebody else to a visit. */
const sentShare = 0.6;

/** Draws the facts of one call, and false leads that differ from them. */
export function drawScene(domain: Domain, next: () => number): Scene {
  const problem = pick(domain.problems, next);
  const fix = pick(problem.causes, next);
  const [cause, action, reach] = fix;
  const prompt = next() < promptShare;
  const outcome = reach === 'remote' ? (prompt ? 'done' : 'visit') : prompt ? 'visit' : 'waiting';
  const [caller, agent, third, actor2] = drawNames(4, next) as [string, string, string, string];
  const object = invent(pick(domain.objects, next), next);
  const place = invent(pick(domain.places, next), next);
  const day = drawDay(next);
  const hour = drawHour(day, next);
  return {
    outcome,
    slots: {
      desk: domain.desk,
      caller,
      agent,
      actor: outcome === 'visit' && next() < sentShare ? third : agent,
      actor2,
      object,
      object2: drawUnlike(object, () => invent(pick(domain.objects, next), next)),
      place,
      place2: drawUnlike(place, () => invent(pick(domain.places, next), next)),
      problem: problem.stated,
      said: pick([problem.stated, ...problem.said], next),
      cause,
      action,
      acted: past(action),
      ...drawFalseLead(domain, problem.causes, fix, next),
      day,
      hour,
      when: `${day} ${hour}`,
      when2: drawUnlike(`${day} ${hour}`, () => drawTime(next)),
      weekday2: pick(weekdays, next),
      stopgap: pick(domain.stopgaps, next),
      delay: pick(domain.delays, next),
      relief: pick(domain.relief, next),
    },
  };
}

type Causes = Domain['problems'][number]['causes'];

/** Another cause of the same problem. It was tried in vain (`acted2`) only if that can be done from afar. */
function drawFalseLead(domain: Domain, causes: Causes, fix: Causes[number], next: () => number): Slots {
  const [cause2, action2, reach2] = pickOther(causes, fix, next) ?? [];
  if (cause2 === undefined || action2 === undefined)
    throw new Error(`${domain.id}: "${fix[0]}" is the only cause`);
  return reach2 === 'remote' ? { cause2, acted2: past(action2) } : { cause2 };
}

function drawTime(next: () => number): string {
  const day = drawDay(next);
  return `${day} ${drawHour(day, next)}`;
}

function drawNames(count: number, next: () => number): string[] {
  const drawn = new Set<string>();
  while (drawn.size < count) drawn.add(pick(names, next));
  return [...drawn];
}

function drawUnlike(value: string, draw: () => string): string {
  for (;;) {
    const drawn = draw();
    if (drawn !== value) return drawn;
  }
}
