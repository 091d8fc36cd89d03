import { pick } from './chance.js';

const list = (words: string): string[] => words.split(' ');

const townHeads = list(
  'Ash Bark Bren Cald Chel Dun Elm Fair Glen Hart Ken Lang Mar Nor Oak Pem Sel Thorn Wal Wick',
);
const townTails = list(
  'bury by combe dale den field ford gate ham hill ley mere mouth ridge side ton well wick worth',
);
const roads = list('Lane Road Street Avenue Close');

const onsets = list('b br c cl cr d dr f fl g gl gr h j k l m n pl pr qu r s sc sp st t th tr v w');
const plainOnsets = list('b c d f g l m n p r s t v z');
const vowels = list('a a a e e e i i i o o o u u ai ea ee oo ou');
const codas = list('l ll mp n nd ng r rd rt s st v');
const innerCodas = list('l m n r s');
const lastCodas = list('l n nd r s st t');
const endings = list(
  'able age ance ant ate ation ator en ence ent er ery et ia ic ide ine ing ion ity ive le ment on or ow ure',
);

/** A made-up word of 2 or 3 syllables. Tens of thousands exist, so a reader has to copy it and cannot know it. */
function drawWord(next: () => number): string {
  const head = pick(onsets, next) + pick(vowels, next);
  if (next() < 0.6) return head + pick(codas, next) + pick(endings, next);
  return head + pick(innerCodas, next) + pick(plainOnsets, next) + pick(vowels, next) + pick(lastCodas, next);
}

const drawTown = (next: () => number): string => pick(townHeads, next) + pick(townTails, next);

const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);

const inventions = {
  town: drawTown,
  street: (next: () => number) => `${drawTown(next)} ${pick(roads, next)}`,
  brand: (next: () => number) => capital(drawWord(next)),
  code: drawWord,
};

export const isInvention = (slot: string): slot is keyof typeof inventions => slot in inventions;

/** Fills in what is made up on the spot: `###` a number of three digits, `{town}`, `{street}`, `{brand}`, `{code}`. */
export function invent(text: string, next: () => number): string {
  return text
    .replace(/#+/g, (run) => String(drawNumber(run.length, next)))
    .replace(/\{(\w+)\}/g, (slot, kind: string) => (isInvention(kind) ? inventions[kind](next) : slot));
}

/** Never 1, which would want a singular noun. */
function drawNumber(digits: number, next: () => number): number {
  const least = digits === 1 ? 2 : 10 ** (digits - 1);
  return least + Math.floor(next() * (10 ** digits - least));
}
