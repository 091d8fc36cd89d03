/** One message as it came in. */
export interface Incoming {
  topic: string;
  payload: Uint8Array;
  retained: boolean;
}

type Handle = (topic: string, payload: Uint8Array, retained: boolean) => void | Promise<void>;

/**
 * Hands messages to their handler one after the other, and holds back the connection while more than
 * `limitBytes` wait. But never while an answer of the broker is awaited: it comes on the same connection,
 * behind the messages, and a handler that waits for it would wait for ever.
 */
export class Inbox {
  readonly #handle: Handle;
  readonly #failed: (error: unknown) => void;
  readonly #limitBytes: number;
  readonly #waiting: Incoming[] = [];
  #waitingBytes = 0;
  #answersAwaited = 0;
  #release: (() => void) | undefined;
  #handling = false;

  constructor(handle: Handle, failed: (error: unknown) => void, limitBytes: number) {
    this.#handle = handle;
    this.#failed = failed;
    this.#limitBytes = limitBytes;
  }

  /** @param taken called when the connection may go on */
  put(message: Incoming, taken: () => void): void {
    this.#waiting.push(message);
    this.#waitingBytes += message.payload.length;
    this.#release = taken;
    this.#letGo();
    void this.#work();
  }

  /** Holds nothing back until the promise has settled. */
  async whileAwaiting<T>(answer: Promise<T>): Promise<T> {
    this.#answersAwaited++;
    this.#letGo();
    try {
      return await answer;
    } finally {
      this.#answersAwaited--;
    }
  }

  /** Forgets what waits. */
  clear(): void {
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    this.#letGo();
  }

  async #work(): Promise<void> {
    if (this.#handling) return;
    this.#handling = true;
    for (let message = this.#waiting.shift(); message; message = this.#waiting.shift()) {
      try {
        await this.#handle(message.topic, message.payload, message.retained);
      } catch (error) {
        this.#failed(error);
      }
      this.#waitingBytes = Math.max(0, this.#waitingBytes - message.payload.length);
      this.#letGo();
    }
    this.#handling = false;
  }

  #letGo(): void {
    if (this.#waitingBytes > this.#limitBytes && this.#answersAwaited === 0) return;
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }
}
