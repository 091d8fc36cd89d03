import type { CommandTitle } from './commands.js';
import type { Subject } from './doctor/check.js';
import { type Examined, examine } from './doctor/examination.js';
import { readSubject } from './doctor/settings.js';
import { counted } from './tables.js';

export { doctorSettings } from './doctor/settings.js';

/** `fleetune doctor [SERVICE]`: what is wrong with a service's surroundings, and what to do. Exit code 1: something is. */
export async function doctor(argv: readonly string[], title: CommandTitle): Promise<void> {
  const subject = readSubject(argv, title);
  const findings = await examine(subject);
  const problems = findings.filter(({ state }) => state === 'problem').length;
  const text = subject.settings.json
    ? JSON.stringify(
        { format: 1, service: subject.service ?? null, at: new Date().toISOString(), problems, findings },
        null,
        2,
      )
    : shown(subject, findings, problems);
  // Not at the end of all that is open: a check that is late may hold a thread for ever.
  process.stdout.write(`${text}\n`, () => process.exit(problems > 0 ? 1 : 0));
}

function shown({ service, settings }: Subject, findings: readonly Examined[], problems: number): string {
  const whose =
    service === undefined
      ? 'this machine'
      : service === 'device'
        ? `device ${settings.id}`
        : `the ${service}`;
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ check, state, what, remedy }, i) => [
    `${(findings[i - 1]?.check === check ? '' : check).padEnd(width)}  ${state.padEnd(7)}  ${what}`,
    ...(remedy === undefined ? [] : [`${''.padEnd(width)}  ${''.padEnd(7)}  → ${remedy}`]),
  ]);
  const notes = findings.filter(({ state }) => state === 'note').length;
  const sum = problems === 0 ? 'no problem' : counted(problems, 'problem');
  return [whose, '', ...lines, '', `${sum}${notes > 0 ? `, ${counted(notes, 'note')}` : ''}`].join('\n');
}
