/** Markup that is whole: what it was made of is escaped already. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Part = string | number | Markup | readonly Part[] | null | undefined | false;

/** Markup of a template, in which every value is text, and escaped, unless it is markup itself. */
export function html(parts: TemplateStringsArray, ...values: readonly Part[]): Markup {
  const texts = values.map((value, i) => markupText(value) + parts[i + 1]!);
  return new Markup(parts[0]! + texts.join(''));
}

function markupText(part: Part): string {
  if (part === null || part === undefined || part === false) return '';
  if (part instanceof Markup) return part.text;
  return typeof part === 'object' ? part.map(markupText).join('') : escaped(String(part));
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Characters that no reader sees go too: controls, and those that turn the direction of what follows. */
const escaped = (text: string) =>
  text
    .replace(/(?![\t\n])[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')
    .replace(/[&<>"']/g, (character) => entities[character]!);
