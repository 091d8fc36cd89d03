import type { Figures, LossPoint } from '../schemas/live.js';
import type { FieldOf, MeasurementName } from '../schemas/measurements.js';
import type { Point } from '../schemas/messages.js';
import { LossCurve } from './loss-curve.js';

type FigureName = Exclude<keyof Figures, 'source'>;

/** Measurement → its fields that a live view shows, and what they are called there. */
const shown: { readonly [M in MeasurementName]?: { readonly [F in FieldOf<M>]?: FigureName } } = {
  training: {
    round: 'round',
    step: 'step',
    steps: 'steps',
    loss: 'loss',
    tokens_per_s: 'tokensPerS',
    tokens_per_joule: 'tokensPerJoule',
    mfu: 'mfu',
  },
  power: { watts: 'watts' },
  utilization: {
    temperature_c: 'temperatureC',
    cpu_percent: 'cpuPercent',
    gpu_percent: 'gpuPercent',
    net_tx_bytes_per_s: 'upBytesPerS',
    net_rx_bytes_per_s: 'downBytesPerS',
  },
};

interface Heard {
  /** By the device's clock, and by ours. */
  timeMs: number;
  heardMs: number;
  figures: Figures;
}

export interface NewestLimits {
  /** The one that was silent longest goes first. */
  devices: number;
  /** After which a figure says nothing about now. */
  freshMs: number;
}

/** The newest figures of each device, from the points that come by, and the loss of its steps by run. */
export class NewestFigures {
  readonly #limits: NewestLimits;
  readonly #devices = new Map<string, Map<string, Heard>>();
  readonly #curves = new Map<string, LossCurve>();

  constructor(limits: NewestLimits = { devices: 10_000, freshMs: 60_000 }) {
    this.#limits = limits;
  }

  /** Points may come twice and late: only what is newer than the newest counts. */
  hear(device: string, points: readonly Point[], nowMs: number): void {
    const known = this.#devices.get(device) ?? new Map<string, Heard>();
    this.#devices.delete(device);
    this.#devices.set(device, known); // To the end: the first is the one that was silent longest.
    for (const point of points) {
      const figures = figuresOf(point);
      if (!figures) continue;
      const before = known.get(point.measurement);
      // A clock that was set back must not silence its device for ever.
      if (before && point.timeMs <= before.timeMs && nowMs - before.heardMs < this.#limits.freshMs) continue;
      known.set(point.measurement, { timeMs: point.timeMs, heardMs: nowMs, figures });
      if (point.measurement === 'training') this.#curve(point.tags.run ?? '')?.add(figures);
    }
    const [silent] = this.#devices.keys();
    if (silent !== undefined && this.#devices.size > this.#limits.devices) this.#devices.delete(silent);
  }

  /** What was heard of a device lately. */
  of(device: string, nowMs: number): Figures {
    const heard = [...(this.#devices.get(device)?.values() ?? [])];
    return Object.assign(
      {},
      ...heard.filter(({ heardMs }) => nowMs - heardMs < this.#limits.freshMs).map(({ figures }) => figures),
    );
  }

  /** The loss of a run's steps so far, mean of the devices. */
  losses(run: string): LossPoint[] {
    return this.#curves.get(run)?.points() ?? [];
  }

  #curve(run: string): LossCurve {
    const known = this.#curves.get(run);
    if (known) return known;
    const made = new LossCurve();
    this.#curves.set(run, made);
    const [oldest] = this.#curves.keys();
    if (this.#curves.size > maxRuns) this.#curves.delete(oldest!);
    return made;
  }
}

const maxRuns = 4;
const maxSourceLength = 40;

/** What a live view shows of a point; undefined where that is nothing. Of all rails only the total is. */
function figuresOf({ measurement, tags, fields }: Point): Figures | undefined {
  if (!Object.hasOwn(shown, measurement)) return undefined;
  if (measurement === 'power' && tags.rail !== 'total') return undefined;
  const names = Object.entries<FigureName>(shown[measurement as MeasurementName] ?? {});
  const known = names.filter(([field]) => Number.isFinite(fields[field]));
  if (known.length === 0) return undefined;
  const figures: Figures = Object.fromEntries(known.map(([field, name]) => [name, fields[field]]));
  return measurement === 'power'
    ? { ...figures, source: (tags.source ?? '').slice(0, maxSourceLength) }
    : figures;
}
