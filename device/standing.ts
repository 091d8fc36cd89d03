import { told } from '../runtime/log.js';
import type { Presence } from '../schemas/messages.js';
import type { Inventory, Stock } from './inventory.js';

export interface Identity {
  deviceId: string;
  /** The same in every birth and will of this process; above those of former ones. */
  session: number;
  version: string;
  /** What tells its watts. */
  powerSource: string;
}

/** What a device says of itself: what it holds, and why it can take no task. */
export class Standing {
  readonly #identity: Identity;
  readonly #inventory: Pick<Inventory, 'take'>;
  readonly #droppedPoints: () => number;
  #stock: Stock;
  #problem = '';

  private constructor(
    identity: Identity,
    inventory: Pick<Inventory, 'take'>,
    droppedPoints: () => number,
    stock: Stock,
  ) {
    this.#identity = identity;
    this.#inventory = inventory;
    this.#droppedPoints = droppedPoints;
    this.#stock = stock;
  }

  /** @throws Refusal where the model or the data can't be used */
  static async of(
    identity: Identity,
    inventory: Pick<Inventory, 'take'>,
    droppedPoints: () => number = () => 0,
  ): Promise<Standing> {
    return new Standing(identity, inventory, droppedPoints, await inventory.take());
  }

  get problem(): string {
    return this.#problem;
  }

  /** @param stopped it goes of its own accord, and does not go on with what it was asked */
  presence(online: boolean, stopped = false): Presence {
    const droppedPoints = this.#droppedPoints();
    const dropped = droppedPoints > 0 ? { droppedPoints } : {};
    return {
      ...this.#identity,
      online,
      ...this.#stock,
      problem: this.#problem,
      ...dropped,
      ...(stopped ? { stopped } : {}),
    };
  }

  /** Looks at model and data again. @returns whether the fleet should hear of it */
  async refresh(): Promise<boolean> {
    const before = JSON.stringify(this.presence(true));
    try {
      this.#stock = await this.#inventory.take();
      this.#problem = '';
    } catch (error) {
      this.#problem = told(error);
    }
    return JSON.stringify(this.presence(true)) !== before;
  }

  trouble(reason: string): void {
    this.#problem = reason;
  }
}
