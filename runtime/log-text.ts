/**
 * A log line for people: `12:30:01 warn  broker: client cut  client=barn reason="it sent too much"`.
 * @param line a JSON object that has time, level, service and message, and facts
 */
export function textOf(line: string): string {
  const { time, level, service, message, ...facts } = JSON.parse(line) as Record<string, unknown>;
  const at = new Date(String(time)).toTimeString().slice(0, 8);
  const rest = Object.entries(facts).map(([name, value]) => ` ${name}=${shown(value)}`);
  const head = `${at} ${String(level).padEnd(5)} ${service}: ${message}`;
  return `${head}${rest.length > 0 ? ' ' : ''}${rest.join('')}\n`;
}

/** Quoted where it is more than a word, so that nothing from outside commands the terminal. */
function shown(value: unknown): string {
  if (typeof value === 'string' && /^[\w.:/@+-]+$/.test(value)) return value;
  if (typeof value === 'number') return String(Number(value.toPrecision(6)));
  return JSON.stringify(value).replace(/[\u007f-\u009f\u2028\u2029]/g, '?');
}
