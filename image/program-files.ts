import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Refusal } from '../schemas/refusal.js';
import { pack } from '../supply/pack.js';
import { type Entry, readable } from './entries.js';
import { places } from './places.js';

/**
 * All files of the device service for an arm64 board, for below /usr/lib/fleetune.
 * @param root of a checkout that is installed and built
 * @param out folder that is made, and must stay until the entries were used
 * @throws Refusal for what is missing
 */
export async function programEntries(root: string, out: string): Promise<Entry[]> {
  if (!existsSync(join(root, 'package-lock.json')))
    throw new Refusal(
      `${root} holds no package-lock.json: an image is built in a checkout of the project, on a PC`,
    );
  pack({ root, service: 'device', arch: 'arm64', out });
  const engine = 'node_modules/onnxruntime-node/bin/napi-v6/linux/arm64/onnxruntime_binding.node';
  if (!existsSync(join(out, engine)))
    throw new Refusal(`${join(root, engine)} is missing: "npm ci" brings onnxruntime for all machines`);
  const found = await readdir(out, { withFileTypes: true, recursive: true });
  return found
    .filter((entry) => entry.isFile() && !isForPeople(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({
      path: `${places.program}/${relative(out, path)}`,
      mode: readable,
      content: { copyOf: path },
    }));
}

/** What packages carry for their authors and readers; licences stay. */
const isForPeople = (name: string) => /^\.|\.(md|markdown|html)$/i.test(name) && !/^licen[cs]e/i.test(name);
