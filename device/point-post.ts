import { randomInt } from 'node:crypto';
import { ConnectionLost, type FleetClient } from '../broker/client.js';
import { encode } from '../schemas/codec.js';
import type { Point, TelemetryReceipt } from '../schemas/messages.js';
import { topicsOf } from '../schemas/topics.js';

interface Awaited {
  resolve(receipt: TelemetryReceipt): void;
  reject(error: Error): void;
}

/**
 * Points on their way to the coordinator. The broker's ack says nothing about it, so a batch is done when its
 * receipt has come: it is then on the coordinator's disk.
 */
export class PointPost {
  readonly #deviceId: string;
  readonly #topic: string;
  readonly #limitMs: number;
  readonly #waiting = new Map<number, Awaited>();

  /** @param limitMs after which a receipt that did not come is awaited no more */
  constructor(fleet: string, deviceId: string, limitMs: number) {
    this.#deviceId = deviceId;
    this.#topic = topicsOf(fleet).telemetry(deviceId);
    this.#limitMs = limitMs;
  }

  /**
   * Sends points; resolves on the receipt.
   * @throws Refusal for points that no message can carry; any other error where another try may help
   */
  async send(wire: Pick<FleetClient, 'publish'>, points: Point[]): Promise<void> {
    const batch = randomInt(1, 2 ** 48 - 1); // Of one process or the next: an old receipt fits none of ours.
    const message = encode('TelemetryBatch', { deviceId: this.#deviceId, points, batch });
    let timer: NodeJS.Timeout | undefined;
    const receipt = new Promise<TelemetryReceipt>((resolve, reject) => {
      this.#waiting.set(batch, { resolve, reject });
      const silent = () => reject(new Error(`no coordinator answered within ${this.#limitMs / 1000} s`));
      timer = setTimeout(silent, this.#limitMs);
    });
    try {
      // Together, so that neither rejects unheard.
      const [{ reason }] = await Promise.all([receipt, wire.publish(this.#topic, message)]);
      if (reason !== '') throw new Error(`the coordinator takes no points: ${reason}`);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(batch);
    }
  }

  receipt(receipt: TelemetryReceipt): void {
    this.#waiting.get(receipt.batch)?.resolve(receipt);
  }

  /** No receipt comes any more: the connection has ended. */
  lost(reason: string): void {
    for (const { reject } of this.#waiting.values()) reject(new ConnectionLost(reason));
  }
}
