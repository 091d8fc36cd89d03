import { join } from 'node:path';
import { isDiskTrouble } from '../runtime/disk-trouble.js';
import { type Log, told } from '../runtime/log.js';
import { encode } from '../schemas/codec.js';
import { Refusal } from '../schemas/refusal.js';
import type { RunSettings } from '../schemas/run-settings.js';
import { readTrigger } from '../schemas/trigger.js';
import type { Announcer } from './announcer.js';
import { OpenRun } from './open-run.js';
import type { RunTrigger } from './run.js';
import type { RunDriver } from './run-driver.js';
import { RunStore } from './run-store.js';
import { runName } from './runs.js';
import type { Due, Schedule } from './schedule.js';
import { probeTask } from './tasks.js';
import { answerTrigger } from './triggers.js';

export interface StarterOptions {
  runs: string;
  fleet: string;
  /** Raw values of a run's settings where a trigger says nothing. */
  defaults: Record<string, unknown>;
}

export interface StarterParts {
  driver: RunDriver;
  announcer: Announcer;
  schedule: Schedule | null;
  log: Log;
  clock: () => number;
  random: () => number;
}

/** Starts and stops runs: as an operator says, or the schedule. One run at a time, and one for each id. */
export class RunStarter {
  readonly #options: StarterOptions;
  readonly #parts: StarterParts;
  readonly #runsById: Map<string, string>;

  /** @param runsById trigger id → the run that it was started for. @throws Refusal where the default settings fit no task */
  constructor(options: StarterOptions, parts: StarterParts, runsById: Map<string, string>) {
    this.#options = options;
    this.#parts = parts;
    this.#runsById = runsById;
    const { settings } = this.#usual();
    this.#started({ id: '', source: 'schedule', dueAt: null, late: false }, settings);
  }

  /** Answers a message on rounds/start. */
  async trigger(payload: Uint8Array, topic: string, retained: boolean): Promise<void> {
    const { defaults } = this.#options;
    const latest = this.#parts.driver.latest?.run ?? null;
    const world = { defaults, runsById: this.#runsById, open: this.#open(), latest };
    const answer = answerTrigger(payload, topic, retained, world);
    if (answer.do === 'repeat') this.#parts.driver.announce();
    if (answer.do === 'refuse') this.#refuse(answer.id, answer.reason);
    if (answer.do !== 'start') return;
    const { id, settings } = answer;
    const trigger: RunTrigger = { id, source: 'mqtt', dueAt: null, late: false };
    await this.#orRefuse(id || null, () => this.#start(trigger, settings));
  }

  /** Answers a message on rounds/stop. */
  async stop(retained: boolean): Promise<void> {
    const { driver } = this.#parts;
    if (retained) this.#refuse(null, 'a retained stop would end every run: publish it without retain');
    else if (!driver.run) this.#refuse(null, 'no run is on');
    else await this.#orRefuse(null, () => driver.stop('stopped by an operator'));
  }

  /** Does what the schedule wants now, and notes what became of it. */
  async due(): Promise<void> {
    const { clock, log, schedule } = this.#parts;
    const due = schedule?.due(clock());
    if (!schedule || !due) return;
    try {
      const { outcome, reason } = await this.#handle(due);
      await schedule.handled(due, outcome, reason, clock());
      log.info('scheduled run', { dueAt: new Date(due.dueMs).toISOString(), outcome, reason });
    } catch (error) {
      if (!isDiskTrouble(error)) throw error;
      log.error('the schedule waits for its disk', { reason: told(error) });
    }
  }

  async close(): Promise<void> {
    await this.#parts.schedule?.close();
  }

  /** The run's id is its due time, so a crash before it was noted starts no second. */
  async #handle(due: Due): Promise<{ outcome: 'started' | 'late' | 'skipped'; reason: string }> {
    const dueAt = new Date(due.dueMs).toISOString();
    const id = `schedule-${dueAt}`;
    const outcome = due.late ? 'late' : 'started';
    if (this.#runsById.has(id)) return { outcome, reason: 'it was started before a restart' };
    const open = this.#open();
    if (open) return { outcome: 'skipped', reason: `run ${open.run} was on` };
    await this.#start({ id, source: 'schedule', dueAt, late: due.late }, this.#usual().settings);
    return { outcome, reason: '' };
  }

  async #start(trigger: RunTrigger, settings: RunSettings): Promise<void> {
    const started = this.#started(trigger, settings);
    const store = new RunStore(join(this.#options.runs, started.run));
    this.#parts.driver.adopt(await OpenRun.start(store, started));
    if (trigger.id !== '') this.#runsById.set(trigger.id, started.run);
  }

  /** A run's first entry. @throws Refusal where no task can carry its settings */
  #started(trigger: RunTrigger, settings: RunSettings) {
    const { clock, random } = this.#parts;
    const atMs = clock();
    const { fleet } = this.#options;
    const started = { kind: 'started', atMs, run: runName(atMs, random), fleet, trigger, settings } as const;
    encode('Task', probeTask(started));
    return started;
  }

  #usual() {
    return readTrigger(new Uint8Array(), 'settings', this.#options.defaults);
  }

  #open() {
    const state = this.#parts.driver.run?.state;
    if (!state) return null;
    const { rounds } = state.settings;
    const round = state.step.phase === 'ended' ? rounds : Math.min(state.step.stage.round, rounds);
    return { run: state.run, round, rounds };
  }

  async #orRefuse(id: string | null, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Refusal) && !isDiskTrouble(error)) throw error;
      this.#refuse(id, told(error));
    }
  }

  #refuse(id: string | null, reason: string): void {
    this.#parts.announcer.refused({ id, reason, at: new Date(this.#parts.clock()).toISOString() });
  }
}
