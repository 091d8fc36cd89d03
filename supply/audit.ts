import { spawnSync } from 'node:child_process';

/** What is wrong with a package that a service runs. */
export interface Finding {
  name: string;
  severity: string;
  title: string;
  /** Address of the advisory. */
  url: string;
}

/** What the registry says of the runtime packages; `lower` counts packages with advisories below high. */
export type Audit =
  | { kind: 'answered'; findings: Finding[]; lower: number }
  | { kind: 'unanswered'; why: string };

interface Advisory extends Finding {
  range: string;
}

/** The part that we read of what `npm audit --json` prints, version 2; `via` holds names where another is to blame. */
interface Report {
  auditReportVersion?: number;
  vulnerabilities?: Record<string, { severity: string; via: readonly (string | Advisory)[] }>;
  message?: string;
}

const severe = ['high', 'critical'];
const limitMs = 120_000;

/**
 * Asks the registry that npm is set to for the known vulnerabilities of the lock file's runtime packages. Where npm is
 * told to be off line it would ask nobody and find nothing: so it is told otherwise.
 */
export function askRegistry(root: string): Audit {
  const argv = [
    'audit',
    '--omit=dev',
    '--json',
    '--no-offline',
    '--fetch-retries=1',
    '--fetch-timeout=30000',
  ];
  const { stdout, stderr, error } = spawnSync('npm', argv, { cwd: root, encoding: 'utf8', timeout: limitMs });
  return error ? { kind: 'unanswered', why: error.message } : readAudit(stdout, stderr);
}

/** Whatever is no report of an audit is no answer: never that nothing was found. */
export function readAudit(text: string, errors = ''): Audit {
  const report = parsed(text);
  if (report?.auditReportVersion !== 2 || !report.vulnerabilities)
    return { kind: 'unanswered', why: report?.message ?? (errors.trim() || 'npm printed no report') };
  const vulnerable = Object.values(report.vulnerabilities);
  const advisories = vulnerable.flatMap(({ via }) => via.filter((cause) => typeof cause !== 'string'));
  return {
    kind: 'answered',
    findings: advisories.filter(({ severity }) => severe.includes(severity)),
    lower: vulnerable.filter(({ severity }) => !severe.includes(severity)).length,
  };
}

function parsed(text: string): Report | undefined {
  try {
    return JSON.parse(text) as Report;
  } catch {
    return undefined;
  }
}
