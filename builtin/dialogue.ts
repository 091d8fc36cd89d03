import { pick } from './chance.js';
import type { Domain } from './domain.js';
import { invent, isInvention } from './invention.js';
import type { Scene } from './scene.js';
import { plans, type Script, speech } from './speech.js';
import { fill, slotsOf } from './template.js';

const maxTurns = 7;
/** Keeps a source under 160 tokens, also in a domain whose words the tokenizer has to spell. */
const maxWords = 76;
const maxTries = 1000;

const atOnceShare = 0.4;
const chatterShare = 0.45;
const closingShare = 0.5;

/** Lets caller and agent talk about the scene: 2 to 7 turns, one "Name: text" line each. */
export function drawDialogue(domain: Domain, scene: Scene, next: () => number): string {
  for (let tries = 0; tries < maxTries; tries++) {
    const turns = spoken(drawScripts(domain, scene, next), scene, next);
    const text = turns.join('\n');
    if (turns.length >= 2 && turns.length <= maxTurns && text.split(/\s/).length <= maxWords) return text;
  }
  throw new Error(`${domain.id}: no dialogue fits ${maxTurns} turns and ${maxWords} words`);
}

/** Who says what, in order: opening, place, small talk, cause, plan, closing. Nothing is said twice. */
function drawScripts(domain: Domain, scene: Scene, next: () => number): Script[] {
  const said = new Set<Script>();
  const draw = (scripts: readonly Script[]): Script => {
    const script = pick(
      scripts.filter((candidate) => canSay(candidate, scene) && !said.has(candidate)),
      next,
    );
    said.add(script);
    return script;
  };
  const chatter = () => (next() < chatterShare ? [draw([...speech.chatter, ...domain.chatter])] : []);
  const opening =
    next() < atOnceShare ? [draw(speech.openingAt)] : [draw(speech.opening), draw(speech.place)];
  const plan = draw(plans[planOf(scene)]);
  const cause = plan.some((line) => line.includes('{cause}')) ? [] : [draw(speech.cause)];
  const closing = next() < closingShare ? [draw(speech.closing)] : [];
  return [...opening, ...chatter(), ...cause, ...chatter(), plan, ...closing];
}

/** Whether the scene has all that the script talks about. */
function canSay(script: Script, { slots }: Scene): boolean {
  return script.every((line) => slotsOf(line).every((slot) => slot in slots || isInvention(slot)));
}

function planOf({ outcome, slots }: Scene): keyof typeof plans {
  if (outcome !== 'visit') return outcome;
  return slots.actor === slots.agent ? 'ownVisit' : 'sentVisit';
}

/** The lines as turns: what one side says in a row is one turn. */
function spoken(scripts: readonly Script[], { slots }: Scene, next: () => number): string[] {
  const turns: { side: string; text: string }[] = [];
  for (const line of scripts.flat()) {
    const [side, words] = [line.slice(0, 1), line.slice(3)];
    const text = fill(invent(words, next), slots);
    const last = turns.at(-1);
    if (last?.side === side) last.text += ` ${text}`;
    else turns.push({ side, text });
  }
  return turns.map(({ side, text }) => `${side === 'C' ? slots.caller : slots.agent}: ${text}`);
}
