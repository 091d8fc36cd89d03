import { pick } from './chance.js';

/** First names; none is also an English word of the tables. */
export const names: readonly string[] = (
  'Ada Adil Aiko Alba Amir Anja Anton Arno Asha Astrid Aziz Bahar Bela Boris Carla Celia Chidi Clara Daan Dalia ' +
  'Danilo Dario Deniz Diego Dina Edda Elif Elias Emeka Enzo Erik Esra Fatima Farid Felix Fiona Gita Goran ' +
  'Greta Hamid Hanna Hugo Ida Igor Ilse Imani Ines Ivo Jamal Jana Jonas Jorge Juna Kaito Karim Karl Katja ' +
  'Kofi Lars Layla Lena Leo Lior Livia Luca Luisa Magda Malik Mara Mateo Mina Mirko Nadia Naomi Nils Nora ' +
  'Olga Omar Oskar Paula Pavel Petra Priya Rafa Ravi Rosa Ruben Sami Sara Selma Sven Tara Tariq Theo Tomas ' +
  'Uma Vera Viktor Wanda Yara Yusuf Zora'
).split(' ');

export const weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;
const mornings = ['at 8 am', 'at 9 am', 'at 10 am', 'at 11 am', 'before noon'];
const afternoons = ['at noon', 'at 1 pm', 'at 2 pm', 'at 3 pm', 'at 4 pm', 'at 5 pm', 'after lunch'];
const heads =
  'Ash Bark Bren Cald Dun Elm Fair Glen Hart Ken Lang Mar Nor Oak Pem Raven Sel Thorn Wal Wick'.split(' ');
const tails = 'bury by combe dale den field ford ham ley mere mouth ridge stead ton well wick worth'.split(
  ' ',
);

export const drawDay = (next: () => number): string =>
  pick([...weekdays.map((day) => `on ${day}`), 'today', 'tomorrow'], next);

/** An hour that can still come on that day. */
export const drawHour = (day: string, next: () => number): string =>
  pick(day === 'today' ? afternoons : [...mornings, ...afternoons], next);

/** A made-up place name; thousands exist, so a reader has to copy it rather than know it. */
export const drawTown = (next: () => number): string => pick(heads, next) + pick(tails, next);

export const drawStreet = (next: () => number): string =>
  `${drawTown(next)} ${pick(['Lane', 'Road', 'Street', 'Avenue', 'Close'], next)}`;

const irregular: Readonly<Record<string, string>> = {
  cut: 'cut',
  put: 'put',
  reset: 'reset',
  send: 'sent',
  set: 'set',
  stop: 'stopped',
  swap: 'swapped',
  unplug: 'unplugged',
  pay: 'paid',
  rebuild: 'rebuilt',
  refit: 'refitted',
  clip: 'clipped',
  run: 'ran',
  trim: 'trimmed',
}; // prettier-ignore

/** "replace the roller" → "replaced the roller": the past tense of an action's first word. */
export function past(action: string): string {
  const [verb = '', ...rest] = action.split(' ');
  const acted = irregular[verb] ?? (verb.endsWith('e') ? `${verb}d` : `${verb}ed`);
  return [acted, ...rest].join(' ');
}
