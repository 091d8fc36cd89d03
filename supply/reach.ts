import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

/** All that a process may load of this project, from its entry on. Paths from the project's root, sorted. */
export interface Reach {
  /** Compiled modules, as dist/broker/main.js. */
  modules: string[];
  /** Libraries that the modules name. */
  libraries: string[];
  /** Files and folders that modules find beside themselves, as coordinator/page/assets. */
  assets: string[];
}

/**
 * Follows what compiled modules name: imports, exports, calls of import(), and new URL('…', import.meta.url).
 * The table of commands (`dist/cli/commands.js`) names all of them, so of what it imports by call only `doors`
 * are followed.
 * @param doors modules from dist/, of the commands that are wanted
 */
export function reachOf(root: string, entry: string, doors: readonly string[]): Reach {
  const modules = new Set<string>();
  const libraries = new Set<string>();
  const assets = new Set<string>();
  const waiting = [entry, ...doors.map((door) => `dist/${door}`)];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (modules.has(path)) continue;
    modules.add(path);
    const names = namesIn(readFileSync(join(root, path), 'utf8'));
    const followed = path === table ? names.filter(({ how }) => how !== 'call') : names;
    for (const { how, name } of followed) {
      if (name.startsWith('node:')) continue;
      if (how !== 'url' && !name.startsWith('.')) libraries.add(libraryOf(name));
      else {
        const target = posix.join(posix.dirname(path), name).replace(/\/$/, '');
        if (target.startsWith('dist/') && target.endsWith('.js')) waiting.push(target);
        else if (target !== 'package.json') assets.add(target);
      }
    }
  }
  return { modules: [...modules].sort(), libraries: [...libraries].sort(), assets: [...assets].sort() };
}

const table = 'dist/cli/commands.js';

/** How a module names another: at its head, by a call when it is needed, or as a file beside it. */
interface Name {
  how: 'head' | 'call' | 'url';
  name: string;
}

const patterns: readonly [Name['how'], RegExp][] = [
  ['head', /^(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm],
  ['head', /^import\s*['"]([^'"]+)['"]/gm],
  ['call', /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g],
  ['url', /\bnew URL\(\s*['"]([^'"]+)['"],\s*import\.meta\.url\s*\)/g],
];

/** What a module that the compiler wrote names. */
export function namesIn(text: string): Name[] {
  return patterns.flatMap(([how, pattern]) =>
    [...text.matchAll(pattern)].map(([, name]) => ({ how, name: name! })),
  );
}

/** protobufjs, from protobufjs/minimal.js. */
const libraryOf = (name: string) =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
