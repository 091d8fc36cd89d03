import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type CoordinatorService, coordinatorSettings, start } from '../../coordinator/main.js';
import { encode } from '../../schemas/codec.js';
import { pointOf } from '../../schemas/measurements.js';
import { requireSettings } from '../../schemas/settings.js';
import { topicsOf } from '../../schemas/topics.js';
import { Fleet } from './fleet.js';
import { fleet, type Script, type ScriptedDevice } from './scripted-device.js';

const topics = topicsOf(fleet);

/** A device that says what it measures when it is told to. */
export interface MeasuringDevice extends ScriptedDevice {
  /** Publishes the points of a step and of the board, as of now. */
  measure(figures: Measured): Promise<void>;
}

export interface Measured {
  run?: string;
  round?: number;
  step?: number;
  steps?: number;
  loss?: number;
  watts?: number;
  source?: string;
}

/** The coordinator service with its page, on a real broker; everything ends with the test. */
export class PageFleet {
  readonly fleet: Fleet;
  coordinator: CoordinatorService;
  readonly #raw: Record<string, unknown>;

  private constructor(fleet: Fleet, coordinator: CoordinatorService, raw: Record<string, unknown>) {
    this.fleet = fleet;
    this.coordinator = coordinator;
    this.#raw = raw;
  }

  static async start(t: TestContext, other: Record<string, unknown> = {}): Promise<PageFleet> {
    const made = await Fleet.start(t);
    const own = { broker: made.url, fleet, runs: join(made.folder, 'runs'), settleS: 0, resendS: 1 };
    const raw = { ...own, pagePort: 0, ...other };
    const page = new PageFleet(made, await start(requireSettings(coordinatorSettings, raw, 'test')), raw);
    made.atEnd(() => page.stop());
    return page;
  }

  get url(): string {
    return `http://127.0.0.1:${this.coordinator.pagePort}/`;
  }

  stop(): Promise<void> {
    return this.coordinator.stop();
  }

  /** The coordinator comes back with its page on the same port. */
  async startAgain(): Promise<void> {
    const raw = { ...this.#raw, pagePort: this.coordinator.pagePort };
    this.coordinator = await start(requireSettings(coordinatorSettings, raw, 'test'));
  }

  async device(script: Script): Promise<MeasuringDevice> {
    const device = await this.fleet.device(script);
    return Object.assign(device, {
      async measure(figures: Measured) {
        const points = pointsOf(script.id, figures);
        const batch = { deviceId: script.id, points, batch: 0 };
        await device.client.publish(topics.telemetry(script.id), encode('TelemetryBatch', batch));
      },
    });
  }
}

let lastMs = 0;

function pointsOf(device: string, { run = 'r', watts, source = 'ina3221', ...step }: Measured) {
  lastMs = Math.max(Date.now(), lastMs + 1);
  const { loss, ...rest } = step;
  return [
    ...(watts === undefined ? [] : [pointOf('power', { device, rail: 'total', source }, { watts }, lastMs)]),
    ...(loss === undefined
      ? []
      : [pointOf('training', { device, run }, { ...rest, loss, tokens_per_s: 640 }, lastMs)]),
    pointOf('utilization', { device }, { temperature_c: 54, cpu_percent: 87 }, lastMs),
  ];
}
