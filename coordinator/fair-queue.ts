export interface FairLimits {
  /** Of one device: what is beyond is let go. */
  ownItems: number;
  /** Of all together: beyond it whoever brings more waits. */
  allBytes: number;
}

interface Waiting {
  bytes: number;
  work: () => Promise<void>;
}

/**
 * Work for devices, one after the other, each device in its turn: one that sends without end delays the others by one
 * piece of its work, and not by all of it.
 */
export class FairQueue {
  readonly #limits: FairLimits;
  /** In the order of their turns. */
  readonly #devices = new Map<string, Waiting[]>();
  #bytes = 0;
  #running = false;
  readonly #forRoom: (() => void)[] = [];

  constructor(limits: FairLimits) {
    this.#limits = limits;
  }

  /** @returns resolves when there is room for more; false where the device has too much here already, and this is let go */
  async put(device: string, bytes: number, work: () => Promise<void>): Promise<boolean> {
    const own = this.#devices.get(device) ?? [];
    if (own.length >= this.#limits.ownItems) return false;
    own.push({ bytes, work });
    this.#devices.set(device, own);
    this.#bytes += bytes;
    if (!this.#running) void this.#run(); // What it throws is our own mistake, and nobody's to catch.
    while (this.#bytes > this.#limits.allBytes) await new Promise<void>((go) => this.#forRoom.push(go));
    return true;
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let [next] = this.#devices; next; [next] = this.#devices) {
      const [device, [first, ...rest]] = next as [string, [Waiting, ...Waiting[]]];
      this.#devices.delete(device);
      if (rest.length > 0) this.#devices.set(device, rest);
      await first.work();
      this.#bytes -= first.bytes;
      for (const go of this.#forRoom.splice(0)) go();
    }
    this.#running = false;
  }
}
