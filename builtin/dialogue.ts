import { pick } from './chance.js';
import type { Domain } from './domain.js';
import { fill, type Scene, withDigits } from './scene.js';
import { plans, type Script, speech } from './speech.js';

const maxTurns = 7;
const maxWords = 88;

/** Lets caller and agent talk about the scene: 2 to 7 turns, one "Name: text" line each. */
export function drawDialogue(domain: Domain, scene: Scene, next: () => number): string {
  for (let tries = 0; tries < 1000; tries++) {
    const turns = spoken(drawScripts(domain, scene, next), scene, next);
    const text = turns.join('\n');
    if (turns.length >= 2 && turns.length <= maxTurns && text.split(/\s/).length <= maxWords) return text;
  }
  throw new Error(`${domain.id}: no dialogue fits ${maxTurns} turns and ${maxWords} words`);
}

/** Who says what, in order: opening, place, small talk, cause, plan, closing. */
function drawScripts(domain: Domain, scene: Scene, next: () => number): Script[] {
  const chatter = () => (next() < 0.45 ? [pick([...speech.chatter, ...domain.chatter], next)] : []);
  const opening =
    next() < 0.4 ? [pick(speech.openingAt, next)] : [pick(speech.opening, next), pick(speech.place, next)];
  const plan = pick(plans[planOf(scene)], next);
  const cause = plan.some((line) => line.includes('{cause}')) ? [] : [pick(speech.cause, next)];
  const closing = next() < 0.5 ? [pick(speech.closing, next)] : [];
  return [...opening, ...chatter(), ...cause, ...chatter(), plan, ...closing];
}

function planOf({ outcome, slots }: Scene): keyof typeof plans {
  if (outcome !== 'visit') return outcome;
  return slots.actor === slots.agent ? 'ownVisit' : 'sentVisit';
}

/** The lines as turns: what one side says in a row is one turn. */
function spoken(scripts: readonly Script[], { slots }: Scene, next: () => number): string[] {
  const turns: { side: string; text: string }[] = [];
  for (const line of scripts.flat()) {
    const side = line.slice(0, 1);
    const text = fill(withDigits(line.slice(3), next), slots);
    const last = turns.at(-1);
    if (last?.side === side) last.text += ` ${text}`;
    else turns.push({ side, text });
  }
  return turns.map(({ side, text }) => `${side === 'C' ? slots.caller : slots.agent}: ${text}`);
}
