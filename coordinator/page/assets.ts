import { readFile } from 'node:fs/promises';

/** Path → file in `assets`, and what it is. They are read from the source tree: nothing is built of them. */
const files: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['page.html', 'text/html'],
  '/page.css': ['page.css', 'text/css'],
  '/page.js': ['page.js', 'text/javascript'],
  '/connection.js': ['connection.js', 'text/javascript'],
  '/figures.js': ['figures.js', 'text/javascript'],
  '/plot.js': ['plot.js', 'text/javascript'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
};

export interface Asset {
  body: Buffer;
  headers: Readonly<Record<string, string>>;
}

const folder = new URL('../../../coordinator/page/assets/', import.meta.url);

export async function readAssets(): Promise<ReadonlyMap<string, Asset>> {
  const entries = Object.entries(files).map(async ([path, [file, type]]): Promise<[string, Asset]> => {
    const body = await readFile(new URL(file, folder));
    const headers = { 'content-type': `${type}; charset=utf-8`, 'content-length': String(body.length) };
    return [path, { body, headers }];
  });
  return new Map(await Promise.all(entries));
}

/** With every answer: nothing foreign is loaded, nothing is framed, no text becomes markup or code. */
export const safety: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    ...["script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"],
    ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
    ...["require-trusted-types-for 'script'", "trusted-types 'none'"],
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
};
