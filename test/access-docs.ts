import { accessRows } from '../broker/acl.js';
import { roles } from '../schemas/roles.js';

/** The topic rules as a Markdown table. */
export function accessTable(): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    row(['topic', ...roles]),
    row(['---', ...roles.map(() => '---')]),
    ...accessRows().map(({ topic, may }) => row([`\`${topic}\``, ...roles.map((role) => may[role])])),
  ].join('\n');
}
