import { pick } from './chance.js';

/** First names; none is also a word of the tables. */
export const names: readonly string[] = [
  ...'Ada Adil Aiko Alba Amir Anja Anton Arno Asha Astrid Aziz Bahar Bela Boris Carla Celia Chidi'.split(' '),
  ...'Clara Daan Dalia Danilo Dario Deniz Diego Dina Edda Elif Elias Emeka Enzo Erik Esra Fatima'.split(' '),
  ...'Farid Felix Fiona Gita Goran Greta Hamid Hanna Hugo Ida Igor Ilse Imani Ines Ivo Jamal Jana'.split(' '),
  ...'Jonas Jorge Juna Kaito Karim Karl Katja Kofi Lars Layla Lena Leo Lior Livia Luca Luisa Magda'.split(
    ' ',
  ),
  ...'Malik Mara Mateo Mina Mirko Nadia Naomi Nils Nora Olga Omar Oskar Paula Pavel Petra Priya'.split(' '),
  ...'Rafa Ravi Rosa Ruben Sami Sara Selma Sven Tara Tariq Theo Tomas Uma Vera Viktor Wanda Yara'.split(' '),
  ...'Yusuf Zora'.split(' '),
];

export const weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;
const days = [...weekdays.map((day) => `on ${day}`), 'today', 'tomorrow'];
const mornings = ['at 8 am', 'at 9 am', 'at 10 am', 'at 11 am', 'before noon'];
const afternoons = ['at noon', 'at 1 pm', 'at 2 pm', 'at 3 pm', 'at 4 pm', 'at 5 pm', 'after lunch'];

export const drawDay = (next: () => number): string => pick(days, next);

/** An hour that can still come on that day. */
export const drawHour = (day: string, next: () => number): string =>
  pick(day === 'today' ? afternoons : [...mornings, ...afternoons], next);

const irregular: Readonly<Record<string, string>> = {
  cancel: 'cancelled',
  pay: 'paid',
  rebuild: 'rebuilt',
  rerun: 'reran',
  reset: 'reset',
  send: 'sent',
  set: 'set',
  stop: 'stopped',
  swap: 'swapped',
};

/** "replace the roller" → "replaced the roller": the past tense of an action's first word. */
export function past(action: string): string {
  const [verb = '', ...rest] = action.split(' ');
  const regular = verb.endsWith('e') ? `${verb}d` : verb.replace(/([^aeo])y$/, '$1i').concat('ed');
  return [irregular[verb] ?? regular, ...rest].join(' ');
}
