import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export const entry = fileURLToPath(new URL('../../cli/main.js', import.meta.url));

export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** Runs `fleetune` as a user would, to its end. */
export async function fleetune(argv: readonly string[], input = '', env = process.env): Promise<Ended> {
  const child = spawn(process.execPath, [entry, ...argv], { env });
  child.stdin.end(input);
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('close', resolve)),
  ]);
  return { code, out, err };
}
