import { Refusal } from './refusal.js';

/** A key of rank_pattern or alpha_pattern as PEFT reads it: a regular expression for the end of a module's name. */
export function modulePattern(key: string): RegExp {
  return expression(`^(.*\\.)?(${key})$`, key);
}

const maxPattern = 1000;

/**
 * A regular expression for names of modules, in whose needs Python's and JavaScript's agree.
 * @throws Refusal that says what is wrong with it
 */
export function expression(text: string, shown: string): RegExp {
  try {
    if (text.length > maxPattern) throw new SyntaxError(`longer than ${maxPattern} characters`);
    return new RegExp(text);
  } catch (cause) {
    throw new Refusal(`pattern of modules ${shown.slice(0, 60)}: ${(cause as Error).message}`, { cause });
  }
}
