import { ConnectionLost, type FleetClient } from '../broker/client.js';
import { type Log, told } from '../runtime/log.js';
import { encode } from '../schemas/codec.js';
import type { Receipt, Task, TelemetryReceipt } from '../schemas/messages.js';
import type { FleetStatus, Refused, RunSummary } from '../schemas/status.js';
import type { Topics } from '../schemas/topics.js';
import { fittedJson } from './report.js';

const maxJsonBytes = 128 * 1024;

/**
 * All that the coordinator says besides adapters. It never waits for the broker: what is lost with a
 * connection is said again, because the other side asks (receipts), or on connecting (status, result), or by
 * the clock (tasks).
 */
export class Announcer {
  readonly #topics: Topics;
  readonly #log: Log;
  #client: Pick<FleetClient, 'publish'> | undefined;
  #status = '';
  #said: FleetStatus | undefined;
  #result = '';

  constructor(topics: Topics, log: Log) {
    this.#topics = topics;
    this.#log = log;
  }

  connected(client: Pick<FleetClient, 'publish'>): void {
    this.#client = client;
    if (this.#status !== '') this.#say(this.#topics.roundsStatus, this.#status, true);
    if (this.#result !== '') this.#say(this.#topics.roundsResult, this.#result, true);
  }

  disconnected(): void {
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
