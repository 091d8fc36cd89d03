import type { Column } from '../tables.js';
import { html, type Markup, type Part } from './markup.js';

export interface Figure {
  title: string;
  /** What is counted, and which way is good. */
  note: string;
  /** Undefined: nobody measured it, and `absent` says so. */
  picture: Markup | undefined;
  absent: string;
  /** The numbers behind the picture. */
  data?: Markup | undefined;
}

/** A plot with its title and, folded, the numbers behind it. */
export const figure = ({ title, note, picture, absent, data }: Figure): Markup => html`
<figure class="card">
<figcaption><h3>${title}</h3><p>${note}</p></figcaption>
${picture ?? html`<p class="absent">${absent}</p>`}
${picture && data && html`<details><summary>The numbers<span class="unseen"> of ${title}</span></summary>${data}</details>`}
</figure>`;

/** A table for a page, its first column the rows' heads. It scrolls by itself where the page is narrow. */
export function dataTable<Row>(
  caption: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): Markup {
  const kind = ({ right }: Column<Row>) => (right ? 'number' : 'words');
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table>
<caption class="unseen">${caption}</caption>
<thead><tr>${columns.map((column) => html`<th scope="col" class="${kind(column)}">${column.title}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${columns.map((column, i) => cell(i === 0, kind(column), column.cell(row)))}</tr>`)}</tbody>
</table></div>`;
}

const cell = (head: boolean, kind: string, text: string) =>
  head ? html`<th scope="row" class="${kind}">${text}</th>` : html`<td class="${kind}">${text}</td>`;

export const section = (id: string, title: string, ...content: readonly Part[]): Markup => html`
<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${content}</section>`;

export const figures = (...all: readonly Part[]): Markup => html`<div class="figures">${all}</div>`;
