import { isDiskTrouble, isNoRoom } from '../runtime/disk-trouble.js';
import type { OpenRun } from './open-run.js';
import type { Step } from './plan.js';
import { makeVersion } from './version.js';

/** What making a version came to. */
export type Outcome = { made: { version: number; sha256: string } } | { error: unknown };

const makeTries = 3;

/** Makes a run's next version beside everything else: summing many updates takes a while. */
export class VersionMaking {
  readonly #ready: () => void;
  readonly #make: typeof makeVersion;
  #making: Promise<void> | undefined;
  #outcome: (Outcome & { run: OpenRun }) | undefined;
  #failures = 0;

  /** @param ready an outcome can be had */
  constructor(ready: () => void, make = makeVersion) {
    this.#ready = ready;
    this.#make = make;
  }

  /**
   * The version that a run asked for, once; until it is there, and where nobody made it yet, it is being made.
   * @throws disk trouble, a few times, and as often as there is no room: then it may be asked again
   */
  outcome(run: OpenRun, { stage, contributors }: Extract<Step, { do: 'make' }>): Outcome | undefined {
    const outcome = this.#outcome;
    this.#outcome = undefined;
    if (outcome?.run !== run) {
      this.#making ??= this.#make(run.store, run.state, stage, contributors)
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
    if ('error' in outcome && isNoRoom(outcome.error)) throw outcome.error;
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
