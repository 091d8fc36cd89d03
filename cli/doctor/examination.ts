import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { told } from '../../runtime/log.js';
import { Refusal } from '../../schemas/refusal.js';
import { type Check, type Finding, problem, type Subject } from './check.js';
import { checks } from './checks.js';

export interface Examined extends Finding {
  check: string;
}

const usualLimitMs = 10_000;
const script = fileURLToPath(new URL('./apart.js', import.meta.url));

/** All checks that apply, side by side. None hangs: each has a limit; none harms another: what it throws is its finding. */
export async function examine(
  subject: Subject,
  table: Readonly<Record<string, Check>> = checks,
): Promise<Examined[]> {
  const asked = Object.entries(table).filter(([, check]) => check.applies(subject));
  const found = new Map<string, Finding[]>();
  for (const listens of [true, false])
    await Promise.all(
      asked
        .filter(([, check]) => (check.listens ?? false) === listens)
        .map(async ([name, check]) => found.set(name, await bounded(name, check, subject))),
    );
  return asked.flatMap(([check]) => found.get(check)!.map((finding) => ({ check, ...finding })));
}

async function bounded(name: string, check: Check, subject: Subject): Promise<Finding[]> {
  const { limitMs = usualLimitMs } = check;
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding[]>((resolve) => {
    timer = setTimeout(() => {
      abort.abort();
      resolve([
        problem(
          `no answer within ${limitMs / 1000} s`,
          'what it looks at hangs: a disk or a network that is away?',
        ),
      ]);
    }, limitMs);
  });
  const looking = (check.apart ? lookApart(name, subject, abort.signal) : check.look(subject)).catch(
    (error) => [problem(error instanceof Refusal ? told(error) : `the check failed: ${told(error)}`)],
  );
  return Promise.race([looking, late]).finally(() => clearTimeout(timer));
}

function lookApart(name: string, subject: Subject, signal: AbortSignal): Promise<Finding[]> {
  return new Promise((resolve, reject) => {
    const child = fork(script, [], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      serialization: 'advanced',
    });
    signal.addEventListener('abort', () => child.kill('SIGKILL'));
    child.once('message', (message: { findings: Finding[] } | { failed: string }) => {
      if ('findings' in message) resolve(message.findings);
      else reject(new Error(message.failed));
    });
    child.once('error', reject);
    child.once('exit', (code, how) =>
      reject(new Error(`its process ended before its answer (${how ?? `exit code ${code}`})`)),
    );
    child.send({ name, subject }); // Not as arguments: there are passwords in it.
  });
}
