/** How a fault can be mended: by somebody who comes, or by the agent at once. */
export type Reach = 'site' | 'remote';

/** What was agreed at the end: a visit, a cure on the spot, or a wait with a stopgap. */
export type Outcome = 'visit' | 'done' | 'waiting';

export interface Problem {
  /** As the summary states it: third person, "prints blank pages". */
  readonly stated: string;
  /** Other words for it that callers use. */
  readonly said: readonly string[];
  /** Cause, the action that mends it (its verb first), and how far away that can be done. */
  readonly causes: readonly (readonly [cause: string, action: string, reach: Reach])[];
}

/**
 * One desk or trade, as a table. Lines of talk are written `C: ` (caller) or `A: ` (agent) and hold
 * `{slots}`; a `#` in a place is a random digit, `{street}` a random street.
 */
export interface Domain {
  readonly id: string;
  readonly desk: string;
  readonly objects: readonly string[];
  readonly places: readonly string[];
  readonly problems: readonly Problem[];
  /** What the caller does until the repair: "use the spare laptop". */
  readonly stopgaps: readonly string[];
  /** Talk that the summary leaves out: questions with answers, and side remarks. */
  readonly chatter: readonly (readonly string[])[];
  /** Why it takes until then. */
  readonly delays: readonly string[];
  /** How the caller says that it is mended. */
  readonly relief: readonly string[];
  readonly summary: Readonly<Record<Outcome, string>>;
}
