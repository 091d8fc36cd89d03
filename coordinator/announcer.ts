import { randomUUID } from 'node:crypto';
import { ConnectionLost, type FleetClient } from '../broker/client.js';
import { within } from '../runtime/limit.js';
import { type Log, told } from '../runtime/log.js';
import { encode } from '../schemas/codec.js';
import type { Receipt, Task, TelemetryReceipt } from '../schemas/messages.js';
import type { CoordinatorPresence, FleetStatus, Refused, RunSummary } from '../schemas/status.js';
import type { Topics } from '../schemas/topics.js';
import { fittedJson } from './report.js';

const maxJsonBytes = 128 * 1024;
const goodbyeLimitMs = 1_000;
const echoLimitMs = 10_000;
const presence = (said: Omit<CoordinatorPresence, 'format'>) =>
  JSON.stringify({ format: 1, ...said } satisfies CoordinatorPresence);
const gone = presence({ online: false });
const unheard =
  'what we tell the fleet does not come back from the broker: do its rules know this name as a coordinator’s? (fleetune access)';

/**
 * All that the coordinator says besides adapters. It never waits for the broker: what is lost with a
 * connection is said again, because the other side asks (receipts), or on connecting (status, result), or by
 * the clock (tasks).
 */
export class Announcer {
  readonly #topics: Topics;
  readonly #log: Log;
  readonly #here: string;
  readonly #echoMs: number;
  #client: Pick<FleetClient, 'publish'> | undefined;
  #status = '';
  #said: FleetStatus | undefined;
  #result = '';

  #echo: NodeJS.Timeout | undefined;

  /** @param by tells it from another coordinator */
  constructor(topics: Topics, log: Log, by: string = randomUUID(), echoMs = echoLimitMs) {
    this.#echoMs = echoMs;
    this.#here = presence({ online: true, by });
    this.#topics = topics;
    this.#log = log;
  }

  connected(client: Pick<FleetClient, 'publish'>): void {
    this.#client = client;
    this.present();
    // A broker drops without a word what its rules do not let us say.
    this.#echo = setTimeout(() => this.#log.warn(unheard), this.#echoMs).unref();
    if (this.#status !== '') this.#say(this.#topics.roundsStatus, this.#status, true);
    if (this.#result !== '') this.#say(this.#topics.roundsResult, this.#result, true);
  }

  /** What the broker says for it when it is gone without a word. */
  get will() {
    return { topic: this.#topics.roundsCoordinator, payload: Buffer.from(gone), retain: true };
  }

  present(): void {
    this.#say(this.#topics.roundsCoordinator, this.#here, true);
  }

  /** The will of a connection before this one says that nobody is here: it is put right. */
  heard(payload: Uint8Array, retained: boolean): void {
    const text = Buffer.from(payload).toString();
    if (text === this.#here) clearTimeout(this.#echo);
    if (text === gone) this.present();
    else if (!retained && text !== this.#here)
      this.#log.warn(
        'another coordinator came into this fleet: stop one, or give it a fleet of its own (--fleet)',
      );
  }

  /** Says that it goes, and nothing more. */
  async goodbye(): Promise<void> {
    const client = this.#client;
    this.disconnected();
    const said = client?.publish(this.#topics.roundsCoordinator, gone, { retain: true });
    await within(
      goodbyeLimitMs,
      Promise.resolve(said).catch(() => undefined),
    ); // Else its will says it.
  }

  disconnected(): void {
    clearTimeout(this.#echo);
    this.#client = undefined;
  }

  task(deviceId: string, task: Task): void {
    this.#say(this.#topics.task(deviceId), encode('Task', task));
  }

  receipt(deviceId: string, receipt: Receipt): void {
    this.#say(this.#topics.receipt(deviceId), encode('Receipt', receipt));
  }

  telemetryReceipt(deviceId: string, receipt: TelemetryReceipt): void {
    this.#say(this.#topics.telemetryReceipt(deviceId), encode('TelemetryReceipt', receipt));
  }

  refused(refused: Refused): void {
    this.#log.warn('trigger refused', { ...refused });
    this.#say(this.#topics.roundsRefused, JSON.stringify(refused));
  }

  /** The status that was said last. */
  get said(): FleetStatus | undefined {
    return this.#said;
  }

  status(status: FleetStatus): void {
    this.#said = status;
    this.#status = fittedJson(status, 'history', maxJsonBytes);
    this.#say(this.#topics.roundsStatus, this.#status, true);
  }

  result(summary: RunSummary): void {
    this.#result = fittedJson(summary, 'rounds', maxJsonBytes);
    this.#say(this.#topics.roundsResult, this.#result, true);
  }

  #say(topic: string, payload: Uint8Array | string, retain = false): void {
    this.#client?.publish(topic, payload, { retain }).catch((error) => {
      if (!(error instanceof ConnectionLost)) this.#log.error('not said', { topic, reason: told(error) });
    });
  }
}
