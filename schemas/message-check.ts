import type { Rule } from './message-rules.js';

/** What is wrong first with a value, as "training.batchSize: 0 is not …", or undefined. */
export function firstProblem(rule: Rule, value: unknown, path: string): string | undefined {
  const at = path === '' ? '' : `${path}: `;
  if (value === undefined)
    return 'optional' in rule && rule.optional ? undefined : `${at}missing, expected ${expectedOf(rule)}`;
  const inner = (of: Rule, items: [string, unknown][]) => {
    for (const [name, item] of items) {
      const found = firstProblem(of, item, name);
      if (found) return found;
    }
    return undefined;
  };
  const under = (name: string) => (path === '' ? name : `${path}.${name}`);
  switch (rule.kind) {
    case 'message': {
      for (const [field, of] of Object.entries(rule.fields as Record<string, Rule>)) {
        const found = firstProblem(of, (value as Record<string, unknown>)[field], under(field));
        if (found) return found;
      }
      const between = rule.between?.(value as object);
      return between && `${at}${between}`;
    }
    case 'list': {
      const items = value as unknown[];
      if (items.length > rule.max) return `${at}${items.length} items, more than ${rule.max}`;
      return inner(
        rule.of,
        items.map((item, i) => [`${path}[${i}]`, item]),
      );
    }
    case 'map': {
      const entries = Object.entries(value as Record<string, unknown>);
      if (entries.length > rule.max) return `${at}${entries.length} entries, more than ${rule.max}`;
      const bad = entries.find(([name]) => !rule.keys.test(name));
      if (bad) return `${at}${shown(bad[0])} is no key that it may have`;
      return inner(
        rule.of,
        entries.map(([name, item]) => [under(name), item]),
      );
    }
    default:
      if (accepts(rule, value)) return undefined;
      return value === '' || (rule.kind === 'word' && value === 0) || isEmpty(value)
        ? `${at}missing, expected ${expectedOf(rule)}`
        : `${at}${shown(value)} is not ${expectedOf(rule)}`;
  }
}

function accepts(rule: Rule, value: unknown): boolean {
  switch (rule.kind) {
    case 'number':
      if (typeof value !== 'number' || !(value >= rule.min && value <= rule.max)) return false;
      return !rule.whole || Number.isSafeInteger(value);
    case 'text':
      if (typeof value !== 'string' || value.length > rule.max) return false;
      return !rule.pattern || rule.pattern.test(value);
    case 'word':
      return rule.words.includes(value as string);
    case 'bytes':
      return value instanceof Uint8Array && value.length >= rule.min && value.length <= rule.max;
    case 'flag':
      return typeof value === 'boolean';
    default:
      return true;
  }
}

function expectedOf(rule: Rule): string {
  switch (rule.kind) {
    case 'number':
      return `a ${rule.whole ? 'whole ' : ''}number from ${rule.min} to ${rule.max}`;
    case 'text':
      return rule.expected;
    case 'word':
      return `one of ${rule.words.join(', ')}`;
    case 'bytes':
      return `${rule.min} to ${rule.max} bytes`;
    default:
      return `a ${rule.kind}`;
  }
}

const isEmpty = (value: unknown) => value instanceof Uint8Array && value.length === 0;

function shown(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return (typeof value === 'number' ? String(value) : String(JSON.stringify(value))).slice(0, 60);
}
