import { pino } from 'pino';
import type { LogSettings } from '../schemas/service-settings.js';
import { textOf } from './log-text.js';

type Tell = (message: string, facts?: Record<string, unknown>) => void;

export interface Log {
  /** What happens often: each message that comes. */
  debug: Tell;
  info: Tell;
  warn: Tell;
  error: Tell;
}

export type Write = (line: string) => void;

/** Facts that are never written, here and one level below. Nobody means to log one; this is the second lock. */
const secrets = [
  ...['password', 'influxPassword', 'pagePassword', 'token', 'claim', 'secret', 'jwt', 'authorization'],
  ...['privateKey', 'passphrase', 'credentials'],
];
const redact = { paths: secrets.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' };

/**
 * A logger of one line an event, to standard error: JSON, or text for people where that is a terminal. Texts of
 * shards never go into it.
 * @param out how and where; a function gets every line as JSON
 */
export function createLog(service: string, out: Partial<LogSettings> | Write = {}): Log {
  const { log: form = 'auto', logLevel: level = 'info' } = typeof out === 'function' ? { log: 'json' } : out;
  const write = typeof out === 'function' ? out : toStandardError;
  const asText = form === 'text' || (form === 'auto' && process.stderr.isTTY === true);
  const logger = pino(
    {
      level,
      redact,
      base: { service },
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: asText ? (line: string) => write(textOf(line)) : write },
  );
  const at =
    (name: keyof Log): Tell =>
    (message, facts = {}) =>
      logger[name](facts, withoutLogin(message));
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** How a process that this one starts is to log: its standard error is a pipe to ours. */
export const forChild = ({ log, logLevel }: LogSettings): LogSettings => ({
  log: log === 'auto' && process.stderr.isTTY ? 'text' : log,
  logLevel,
});

function toStandardError(line: string): void {
  process.stderr.write(line);
}

/** mqtt://name:secret@host → mqtt://host: libraries quote addresses in their errors. */
export const withoutLogin = (text: string) => text.replace(/(\w:\/\/)[^\s/@]+@/g, '$1');

/** An error's message with those of its causes. */
export function told(error: unknown): string {
  if (!(error instanceof Error)) return withoutLogin(String(error));
  const message = withoutLogin(error.message).trim();
  return error.cause === undefined ? message : `${message}: ${told(error.cause)}`;
}
