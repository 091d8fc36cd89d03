import type { DoctorSettings } from './settings.js';

/** ok: as it should be; note: worth knowing, harms nothing; problem: something will not work. */
export type State = 'ok' | 'note' | 'problem';

export interface Finding {
  state: State;
  what: string;
  /** What to do about it. */
  remedy?: string;
}

export type ServiceName = 'broker' | 'coordinator' | 'device';

/** What is looked at: a service as its settings say, or this machine. Plain data: it goes to other processes. */
export interface Subject {
  /** Undefined: no service was meant; then only what was given is asked for. */
  service: ServiceName | undefined;
  settings: DoctorSettings;
  /** Keys that somebody gave. */
  given: readonly string[];
}

export interface Check {
  /** In a process of its own: what it touches may hang, block or crash. */
  apart?: true;
  /** It listens on ports itself for a moment, so nothing else is asked meanwhile. */
  listens?: true;
  /** Default: 10 s. */
  limitMs?: number;
  /** Whether there is anything to ask. */
  applies(subject: Subject): boolean;
  /** @throws whatever goes wrong: that is a finding too */
  look(subject: Subject): Promise<Finding[]>;
}

export const ok = (what: string): Finding => ({ state: 'ok', what });
export const note = (what: string, remedy?: string): Finding => found('note', what, remedy);
export const problem = (what: string, remedy?: string): Finding => found('problem', what, remedy);

const found = (state: State, what: string, remedy?: string): Finding =>
  remedy === undefined ? { state, what } : { state, what, remedy };

/** What was asked for is a problem where it is not there; what is there by default alone is worth a note. */
export const missing = ({ service, given }: Subject, key: string) =>
  service !== undefined || given.includes(key) ? problem : note;
