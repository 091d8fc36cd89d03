/** How often and how fast a service that died is started again. */
export interface RestartRules {
  /** More deaths than this within the window: something is wrong that a restart does not mend. */
  limit: number;
  windowMs: number;
  firstWaitMs: number;
  maxWaitMs: number;
}

export const restartRules: RestartRules = {
  limit: 5,
  windowMs: 60_000,
  firstWaitMs: 250,
  maxWaitMs: 5_000,
};

/**
 * What follows a death: a wait that doubles with each death in the window, jittered to half of itself at least.
 * @param deathsMs times of all deaths, this one last
 * @param chance in [0, 1)
 * @returns milliseconds, or undefined where it is to be given up
 */
export function restartWaitMs(
  deathsMs: readonly number[],
  chance: number,
  rules: RestartRules = restartRules,
): number | undefined {
  const nowMs = deathsMs.at(-1) ?? 0;
  const recent = deathsMs.filter((at) => nowMs - at < rules.windowMs).length;
  if (recent > rules.limit) return undefined;
  const wait = Math.min(rules.maxWaitMs, rules.firstWaitMs * 2 ** (recent - 1));
  return wait * (0.5 + chance / 2);
}
