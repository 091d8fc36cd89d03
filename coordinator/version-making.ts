import { isDiskTrouble } from './disk-trouble.js';
import type { OpenRun } from './open-run.js';
import type { Step } from './plan.js';
import { makeVersion } from './version.js';

/** What making a version came to. */
export type Outcome = { made: { version: number; sha256: string } } | { error: unknown };

const makeTries = 3;

/** Makes a run's next version beside everything else: summing many updates takes a while. */
export class VersionMaking {
  readonly #ready: () => void;
  #making: Promise<void> | undefined;
  #outcome: (Outcome & { run: OpenRun }) | undefined;
  #failures = 0;

  /** @param ready an outcome can be had */
  constructor(ready: () => void) {
    this.#ready = ready;
  }

  /**
   * The version that a run asked for, once; until it is there, and where nobody made it yet, it is being made.
   * @throws disk trouble, the first few times: then it may be asked again
   */
  outcome(run: OpenRun, { stage, contributors }: Extract<Step, { do: 'make' }>): Outcome | undefined {
    const outcome = this.#outcome;
    this.#outcome = undefined;
    if (outcome?.run !== run) {
      this.#making ??= makeVersion(run.store, run.state, stage, contributors)
        .then(
          (made) => ({ run, made }),
          (error: unknown) => ({ run, error }),
        )
        .then((result) => {
          this.#making = undefined;
          this.#outcome = result;
          this.#ready();
        });
      return undefined;
    }
    if ('error' in outcome && isDiskTrouble(outcome.error) && ++this.#failures < makeTries)
      throw outcome.error;
    this.#failures = 0;
    return outcome;
  }

  /** Resolves when nothing is being made. */
  async idle(): Promise<void> {
    await this.#making;
  }
}
