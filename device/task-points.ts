import { pointOf } from '../schemas/measurements.js';
import type { Measures, Point, TaskKey } from '../schemas/messages.js';
import { type NetworkProfile, networkJoules } from '../schemas/network-energy.js';
import type { DoneStep } from './computation.js';
import { mfuOf } from './peak.js';

/** A task as points, while it goes on and when it is done. Pure. What nobody measured is left out. */

export function stepPoint(step: DoneStep, { run, round }: TaskKey, device: string): Point {
  const { step: number, steps, loss, tokensPerSecond, ms, mfu, watts, powerSource, atMs } = step;
  const fields = {
    ...{ round, step: number, steps, loss, tokens_per_s: tokensPerSecond, step_ms: ms, mfu, watts },
    tokens_per_joule: quotient(tokensPerSecond, watts),
  };
  return pointOf('training', { device, run, ...sourceTag(powerSource) }, fields, atMs);
}

export function taskPoint({ run, round, kind }: TaskKey, all: Measures, device: string, atMs: number): Point {
  const { examples, loss, rougeL, seconds, joules, watts, idleWatts, flops, peakGflops } = all;
  // An evaluation takes no steps, and its tokens are not counted.
  const { steps, tokens } = kind === 'train' ? all : { steps: undefined, tokens: undefined };
  const peak = peakGflops === undefined ? undefined : { gflops: peakGflops };
  const fields = {
    ...{ round, examples, steps, tokens, loss, rouge_l: rougeL, seconds, joules, watts },
    tokens_per_s: quotient(tokens, seconds),
    mfu: mfuOf(flops, seconds, peak),
    idle_watts: idleWatts,
    tokens_per_joule: quotient(tokens, joules),
  };
  return pointOf('task', { device, run, kind, ...sourceTag(all.powerSource) }, fields, atMs);
}

/** Bytes of payload, seconds; `computedS` of the task, where all of its transfers are known. */
export interface Transfer {
  bytesUp?: number;
  bytesDown?: number;
  upS?: number;
  downS?: number;
  computedS?: number;
}

/** The download tells itself as it happens; the upload after it tells of both how they stand to the computation. */
export function transferPoint(
  { run, round, kind }: TaskKey,
  { bytesUp, bytesDown, upS, downS = 0, computedS }: Transfer,
  network: NetworkProfile | undefined,
  device: string,
  atMs: number,
): Point {
  const fields = {
    ...{ round, bytes_up: bytesUp, bytes_down: bytesDown, up_s: upS },
    down_s: bytesDown === undefined ? undefined : downS,
    granularity: upS === undefined ? undefined : quotient(computedS, upS + downS),
    network_joules: networkJoules(network, bytesUp ?? 0, bytesDown ?? 0),
  };
  return pointOf('network', { device, run, kind }, fields, atMs);
}

const sourceTag = (source: string | undefined) => (source === undefined ? {} : { source });

const quotient = (part: number | undefined, by: number | undefined) =>
  part !== undefined && by ? part / by : undefined;
