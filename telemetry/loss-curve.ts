import type { Figures, LossPoint } from '../schemas/live.js';

/** A round is cut into so many parts; what falls into one is averaged, however many devices and steps there are. */
const partsOfRound = 16;
const maxParts = 512;

/** The loss of steps over rounds, mean over devices, of bounded size: the oldest parts go first. */
export class LossCurve {
  readonly #parts = new Map<number, { sum: number; count: number }>();

  add({ round, step, steps, loss }: Figures): void {
    if (round === undefined || step === undefined || !steps || loss === undefined) return;
    const share = Math.min(1, Math.max(0, (step - 0.5) / steps));
    const part = Math.round((round - 1) * partsOfRound) + Math.floor(share * partsOfRound);
    const { sum, count } = this.#parts.get(part) ?? { sum: 0, count: 0 };
    this.#parts.set(part, { sum: sum + loss, count: count + 1 });
    if (this.#parts.size > maxParts) this.#parts.delete(Math.min(...this.#parts.keys()));
  }

  points(): LossPoint[] {
    return [...this.#parts]
      .sort(([a], [b]) => a - b)
      .map(([part, { sum, count }]) => ({ rounds: (part + 0.5) / partsOfRound, loss: sum / count }));
  }
}
