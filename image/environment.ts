import { Refusal } from '../schemas/refusal.js';

/**
 * Variables as systemd's EnvironmentFile= reads them: quoted, with what counts within quotes escaped.
 * @throws Refusal for a value of more than one line
 */
export function environmentText(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => {
      if (/[\n\r\0]/.test(value)) throw new Refusal(`${name}: a value of one line is expected`);
      return `${name}="${value.replace(/["\\$`]/g, '\\$&')}"\n`;
    })
    .join('');
}
