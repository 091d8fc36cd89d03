/** How a fault can be mended: by somebody who comes, or by the agent at once. */
export type Reach = 'site' | 'remote';

/** What was agreed at the end: a visit, a cure on the spot, or a wait with a stopgap. */
export type Outcome = 'visit' | 'done' | 'waiting';

export interface Problem {
  /** As the summary states it: third person, "prints blank pages". */
  readonly stated: string;
  /** Other words for it that callers use. */
  readonly said: readonly string[];
  /** Cause, the action that mends it (its verb first), and how far away that can be done. At least two. */
  readonly causes: readonly (readonly [cause: string, action: string, reach: Reach])[];
}

/**
 * One desk or trade, as a table. Lines of talk begin with `C: ` (caller) or `A: ` (agent). Texts hold `{slots}` of the
 * scene, and what `invent` fills in: `#` for digits, `{town}`, `{street}`, `{brand}`, `{code}`.
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
  /** Why it takes that long. */
  readonly delays: readonly string[];
  /** How the caller says that it is mended. */
  readonly relief: readonly string[];
  /** The convention of this trade, for each outcome. */
  readonly summary: Readonly<Record<Outcome, string>>;
}
