import type { ServerResponse } from 'node:http';

const maxViewers = 32;
/** Turns that a viewer may miss because it does not read, before it is cut; it comes back by itself. */
const maxMissed = 30;
/** Nothing new is said again after so many turns, so that a page can tell silence from peace. */
const repeatTurns = 5;

/** Those who look at the page, each an open answer of server-sent events. */
export class Viewers {
  readonly #missed = new Map<ServerResponse, number>();
  #last = '';
  #quietTurns = 0;

  get count(): number {
    return this.#missed.size;
  }

  /** @returns false where there are too many already */
  add(answer: ServerResponse, headers: Record<string, string>, first: string): boolean {
    if (this.#missed.size >= maxViewers) return false;
    this.#missed.set(answer, 0);
    answer.once('close', () => this.#missed.delete(answer));
    answer.writeHead(200, { ...headers, 'content-type': 'text/event-stream; charset=utf-8' });
    answer.write(`retry: 2000\n\n${eventOf(first)}`);
    return true;
  }

  /** One turn. @param text one line; @param subject what of it is worth to be said at once */
  tell(text: string, subject: string): void {
    this.#quietTurns = subject === this.#last ? this.#quietTurns + 1 : 0;
    this.#last = subject;
    if (this.#quietTurns % repeatTurns !== 0) return;
    for (const [answer, missed] of this.#missed) {
      if (!answer.writableNeedDrain) {
        answer.write(eventOf(text));
        this.#missed.set(answer, 0);
      } else if (missed >= maxMissed) answer.destroy();
      else this.#missed.set(answer, missed + 1);
    }
  }
}

const eventOf = (text: string) => `data: ${text}\n\n`;
