import { access } from 'node:fs/promises';

/** A file that gives no answer in so long hangs, unless this process itself was kept from running. */
const limitMs = 1000;
/** Of one operation, one after the other: open, some reads, close. */
const steps = 6;
/**
 * A read that hangs holds a thread of libuv's pool for as long as the kernel likes, and there are four. With so
 * many held, no file of a sensor is read until one answers.
 */
const maxHung = 2;

let hung = 0;
let leaves = false;

/** Lets one operation on a file run at a time, and waits for it in bounds. */
export class Guard {
  readonly #what: string;
  #hangs = false;

  constructor(what: string) {
    this.#what = what;
  }

  get hangs(): boolean {
    return this.#hangs;
  }

  /** @throws what the operation throws; where it does not end in time, or one before has not ended yet */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#hangs) throw new Error(`${this.#what}: no answer yet`);
    if (hung >= maxHung) throw new Error(`${this.#what}: not read, as ${hung} other files hang`);
    let timer: NodeJS.Timeout | undefined;
    let answered = false;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(async () => {
        // The pool takes its work in order: where what is asked later is answered before each step of it, it hangs.
        for (let step = 0; step < steps && !answered; step++) await access('/').catch(() => {});
        if (answered) return;
        this.#hang();
        reject(new Error(`${this.#what}: no answer within ${limitMs} ms`));
      }, limitMs);
    });
    const answer = operation().finally(() => {
      answered = true;
      clearTimeout(timer);
      this.#answered();
    });
    return Promise.race([answer, late]);
  }

  #hang(): void {
    this.#hangs = true;
    hung++;
    if (leaves) return;
    leaves = true;
    // The end of a process waits for the threads of its pool, so one that hangs would keep it for ever.
    process.on('exit', () => {
      if (hung > 0) process.kill(process.pid, 'SIGKILL');
    });
  }

  #answered(): void {
    if (!this.#hangs) return;
    this.#hangs = false;
    hung--;
  }
}
