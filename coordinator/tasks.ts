import type { Lora, Task, TaskKey } from '../schemas/messages.js';
import { seedOf } from '../schemas/random.js';
import type { RunSettings } from '../schemas/run-settings.js';
import { openRound, outstanding } from './round.js';
import { type Cohort, type RunEntry, type RunState, replay } from './run.js';

/** When a device was told its open task, or sent a chunk of its answer, whichever was last. */
export interface Told {
  atMs: number;
  answering: boolean;
}

export const keyOf = (run: string, { stage }: Pick<Cohort, 'stage'>): TaskKey => ({ run, ...stage });

/** A device's task, from the run's state alone. The seed never depends on the run's name or the time. */
export function taskFor(state: RunState, cohort: Cohort, deviceId: string, nowMs: number): Task {
  const { settings: s } = state;
  const { stage, round } = cohort;
  const isInit = stage.kind === 'init';
  return {
    key: keyOf(state.run, cohort),
    modelSha256: state.modelSha256,
    baseVersion: isInit ? 0 : state.version,
    baseSha256: isInit ? '' : state.sha256,
    // Version 0 is the same whichever device is asked for it.
    seed: seedOf(s.seed, stage.round, isInit ? '' : deviceId, stage.kind),
    deadlineS: round.phase === 'open' ? Math.max(1, Math.ceil((round.deadlineMs - nowMs) / 1000)) : 1,
    lora: loraOf(s),
    training: {
      steps: s.steps,
      epochs: s.epochs,
      batchSize: s.batchSize,
      accumulation: s.accumulation,
      learningRate: s.learningRate,
      weightDecay: s.weightDecay,
      warmupSteps: s.warmupSteps,
      schedule: s.schedule,
      clipNorm: s.clipNorm,
      dropout: s.dropout,
    },
    text: { prefix: s.prefix, maxSourceTokens: s.maxSourceTokens, maxTargetTokens: s.maxTargetTokens },
    evaluationExamples: s.evaluationExamples,
    ...(state.term > 0 ? { term: state.term } : {}),
  };
}

/** What a run trains. A pattern whose value is no number is refused with the task that would tell it. */
export const loraOf = (settings: RunSettings): Lora => ({
  rank: settings.loraRank,
  alpha: settings.loraAlpha,
  targets: [...settings.loraTargets],
  dropout: settings.loraDropout,
  rslora: settings.loraRslora,
  rankPattern: patterns(settings.loraRankPattern),
  alphaPattern: patterns(settings.loraAlphaPattern),
});

/** `decoder.*q=4` → { 'decoder.*q': 4 }. Runs of older journals have none. */
const patterns = (items: readonly string[] = []): Record<string, number> =>
  Object.fromEntries(
    items.map((item) => {
      const at = item.lastIndexOf('=');
      return at < 0 ? [item, Number.NaN] : [item.slice(0, at), Number(item.slice(at + 1))];
    }),
  );

/** A device that began to answer may have lost its upload: it is told again after a longer silence. */
const answeringPatience = 4;

/** Devices to tell their task now: those that still owe an answer and were not told, or not lately. */
export function dueTasks(
  cohort: Cohort,
  told: ReadonlyMap<string, Told>,
  nowMs: number,
  everyMs: number,
): string[] {
  if (cohort.round.phase !== 'open') return [];
  return outstanding(cohort.round).filter((id) => {
    const last = told.get(id);
    return last === undefined || nowMs - last.atMs >= everyMs * (last.answering ? answeringPatience : 1);
  });
}

/** A task that ends whatever the device does for the run. */
export function cancelTask(state: RunState, cohort: Cohort, deviceId: string, nowMs: number): Task {
  const task = taskFor(state, cohort, deviceId, nowMs);
  return { ...task, key: { ...task.key, kind: 'cancel' } };
}

/** A task as this run would tell it: what its settings must be able to say. */
export function probeTask(started: Extract<RunEntry, { kind: 'started' }>): Task {
  const state = { ...replay([started]), modelSha256: '0'.repeat(64) };
  const round = openRound(['device'], 0, { needed: 1 });
  const cohort: Cohort = { stage: { kind: 'init', round: 0 }, round, answers: {}, openedMs: 0, awayMs: 0 };
  return taskFor(state, cohort, 'device', 0);
}
