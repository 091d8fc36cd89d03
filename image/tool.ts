import { execFile } from 'node:child_process';
import { Refusal } from '../schemas/refusal.js';

/** Programs that images are made with, and the Debian packages that bring them. */
const packages: Readonly<Record<string, string>> = {
  'dpkg-deb': 'dpkg',
  tar: 'tar',
  npm: 'npm (it comes with Node)',
};

export interface ToolOptions {
  cwd?: string;
  env?: Record<string, string>;
}

/** Runs a program to its end. @returns what it printed. @throws Refusal where it is missing or fails */
export function run(tool: string, argv: readonly string[], { cwd, env }: ToolOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd, env: { ...process.env, ...env }, maxBuffer: 2 ** 26 };
    execFile(tool, argv, options, (error, stdout, stderr) => {
      if (!error) resolve(stdout);
      else if (error.code === 'ENOENT')
        reject(
          new Refusal(`${tool} is missing, which an image is made with: Debian's package ${packages[tool]}`),
        );
      else reject(new Refusal(`${tool} failed: ${stderr.trim().split('\n').at(-1) || error.message}`));
    });
  });
}
