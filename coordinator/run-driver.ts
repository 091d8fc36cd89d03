import { join } from 'node:path';
import { isDiskTrouble } from '../runtime/disk-trouble.js';
import { type Log, told } from '../runtime/log.js';
import { QuietLog } from '../runtime/quiet-log.js';
import type { Chunk, Point, Presence, Receipt, TaskKey } from '../schemas/messages.js';
import type { RunSummary } from '../schemas/status.js';
import type { Announcer } from './announcer.js';
import { ClockStep, type Clocks } from './clock-step.js';
import type { OpenRun } from './open-run.js';
import { entryOf, nextStep, type Step } from './plan.js';
import type { PresenceTable } from './presence.js';
import type { Publisher, Shown } from './publish.js';
import { receiveChunk } from './receive.js';
import { completedRecord, facts, idleStatus, roundPoint, statusOf, summaryOf } from './report.js';
import { outstanding } from './round.js';
import type { RunEntry, RunState } from './run.js';
import { RunStore } from './run-store.js';
import { cancelTask, dueTasks, type Told, taskFor } from './tasks.js';
import type { UploadLimits } from './upload.js';
import { configOf } from './version.js';
import { VersionMaking } from './version-making.js';

export interface DriverOptions {
  runs: string;
  fleet: string;
  limits: UploadLimits;
  /** Versions, and rounds of updates, that stay on disk. */
  keepVersions: number;
  /** A task is told again after this long without a first chunk. */
  resendMs: number;
  settleMs: number;
}

export interface DriverParts extends Clocks {
  publisher: Publisher;
  announcer: Announcer;
  sink: { write(points: readonly Point[]): void };
  log: Log;
  /** Runs work after what is under way, alone. */
  inTurn: (work: () => Promise<void>) => Promise<void>;
}

const retryMs = 2000;

/**
 * Drives the run that is on: decides (plan.ts), writes that to the journal, then does it, until the run waits for
 * something. All of it can be asked again at any time: resuming is nothing else than driving on.
 */
export class RunDriver {
  readonly #options: DriverOptions;
  readonly #parts: DriverParts;
  readonly #quiet: QuietLog;
  #run: OpenRun | null = null;
  #latest: RunSummary | null;
  /** The run that ended last, for copies of its updates that come late. */
  #ended: RunState | null = null;
  #told = new Map<string, Told>();
  /** Devices that were told to stop, since when; this and what follows by `uptime`. */
  readonly #stopped = new Map<string, number>();
  #note = '';
  #trouble = '';
  /** Why the last chunk is not on the disk. */
  chunkTrouble = '';
  /** What the last status was about. */
  #said: unknown[] = [];
  #pausedUntilMs = 0;
  readonly #making: VersionMaking;
  readonly #clockStep: ClockStep;
  devices: PresenceTable = new Map();
  connectedMs: number | null = null;

  constructor(options: DriverOptions, parts: DriverParts, latest: RunSummary | null) {
    this.#options = options;
    this.#parts = parts;
    this.#quiet = new QuietLog(parts.log);
    this.#latest = latest;
    this.#clockStep = new ClockStep(parts);
    this.#making = new VersionMaking(() => void parts.inTurn(() => this.settle()));
  }

  get run(): OpenRun | null {
    return this.#run;
  }

  /** Why the run waits for its disk; '' where it does not. */
  get trouble(): string {
    return this.#trouble || this.chunkTrouble;
  }

  get latest(): RunSummary | null {
    return this.#latest;
  }

  /** Takes up a run that was just started, or that a crash left open. */
  adopt(run: OpenRun): void {
    const { run: name, settings, trigger, step } = run.state;
    this.#run = run;
    this.#told.clear();
    this.#parts.log.info('run taken up', { run: name, rounds: settings.rounds, trigger, phase: step.phase });
  }

  /**
   * A device came or said something new about itself: it may not know its task. One in trouble has given it up,
   * as on a full disk: told at once, it would train for nothing without end.
   */
  introduced({ deviceId, problem }: Presence): void {
    if (problem === '') this.#told.delete(deviceId);
    this.#stopped.delete(deviceId);
  }

  /** A device was told to stop: its round waits for it a little, as it may be started again. */
  left(deviceId: string): void {
    this.#stopped.set(deviceId, this.#parts.uptime());
  }

  /** @returns the receipt to send. @throws disk trouble: then nothing is answered */
  async receive(deviceId: string, key: TaskKey, chunk: Chunk): Promise<Receipt> {
    const run = this.#run;
    const at = {
      state: run?.state ?? this.#ended,
      store: run?.store ?? null,
      shapes: (await run?.shapes()) ?? null,
      limits: this.#options.limits,
      nowMs: this.#parts.clock(),
    };
    const { receipt, entry } = await receiveChunk(at, deviceId, key, chunk);
    if (entry) await this.#take(entry);
    if (receipt.state === 'receiving' && this.#told.has(deviceId))
      this.#told.set(deviceId, { atMs: this.#parts.uptime(), answering: true });
    if (receipt.state === 'refused')
      this.#quiet.warn('update refused', { device: deviceId, round: key.round, reason: receipt.reason });
    return receipt;
  }

  /** Ends the run now; its devices are told to stop. */
  async stop(reason: string): Promise<void> {
    if (this.#run && this.#run.state.step.phase !== 'ended')
      await this.#take({ kind: 'ended', atMs: this.#parts.clock(), state: 'stopped', reason });
  }

  /** Does all that is to be done now. Disk trouble is told in the status and tried again after a while. */
  async settle(): Promise<void> {
    const { uptime, publisher, log } = this.#parts;
    if (uptime() >= this.#pausedUntilMs) {
      try {
        await this.#followClock();
        await this.#letGo();
        await this.#drive();
        this.#trouble = '';
      } catch (error) {
        if (!isDiskTrouble(error)) throw error;
        if (told(error) !== this.#trouble) log.error('the run waits for its disk', { reason: told(error) });
        this.#trouble = told(error);
        this.#pausedUntilMs = uptime() + retryMs;
      }
    }
    const shown = this.#shown();
    if (shown) publisher.show(shown);
    this.#tellTasks();
    this.#tellStatus();
  }

  /** Says status and result again. */
  announce(): void {
    if (this.#latest) this.#parts.announcer.result(this.#latest);
    this.#said = [];
    this.#tellStatus();
  }

  /** Lets what is under way end, and leaves the run open on disk. */
  async close(): Promise<void> {
    await this.#making.idle();
    await this.#run?.close();
    this.#run = null;
  }

  /** Where the wall clock was set, what is left of an open round's time stays the same. */
  async #followClock(): Promise<void> {
    const { ms: byMs } = this.#clockStep;
    if (byMs !== 0 && this.#run) await this.#take({ kind: 'clockSet', atMs: this.#parts.clock(), byMs });
    this.#clockStep.followed();
  }

  /** Devices that were stopped, and did not come back, are waited for no more. */
  async #letGo(): Promise<void> {
    const { clock, uptime } = this.#parts;
    for (const [deviceId, sinceMs] of this.#stopped) {
      if (uptime() - sinceMs < this.#options.settleMs) continue;
      const step = this.#run?.state.step;
      if (step?.phase === 'open' && outstanding(step.round).includes(deviceId)) {
        const reason = 'the device was stopped';
        await this.#take({ kind: 'refused', atMs: clock(), deviceId, sha256: '', reason });
      }
      this.#stopped.delete(deviceId);
    }
  }

  async #drive(): Promise<void> {
    while (this.#run) {
      const { state } = this.#run;
      if (state.step.phase === 'ended') {
        await this.#finish(this.#run);
        continue;
      }
      const nowMs = this.#parts.clock();
      const world = {
        nowMs,
        devices: [...this.devices.values()],
        connectedForMs: this.connectedMs === null ? null : this.#parts.uptime() - this.connectedMs,
        settleMs: this.#options.settleMs,
      };
      const step = nextStep(state, world);
      this.#note = step.do === 'wait' ? step.note : '';
      if (step.do === 'wait') return;
      if (step.do !== 'make') await this.#take(entryOf(step, nowMs));
      else if (!(await this.#make(this.#run, step))) return;
    }
  }

  /** One entry: on disk, then in effect, then told to whom it concerns. */
  async #take(entry: RunEntry): Promise<void> {
    if (entry.kind !== 'clockSet') await this.#followClock(); // The entry's time is after it.
    const run = this.#run!;
    const before = run.state;
    await run.take(entry);
    const { state } = run;
    const { sink, log, announcer, clock } = this.#parts;
    log.info(`run: ${entry.kind}`, { run: state.run, ...facts(entry) });
    if (entry.kind === 'opened') this.#told.clear();
    if (before.step.phase === 'open' && state.step.phase !== 'open') {
      for (const id of outstanding(before.step.round))
        announcer.task(id, cancelTask(before, before.step, id, clock()));
    }
    const record = completedRecord(before, state, entry);
    if (record) sink.write([roundPoint(record, state.run, this.#options.fleet, entry.atMs)]);
  }

  /** @returns false while the next version is not there yet; its end settles again */
  async #make(run: OpenRun, step: Extract<Step, { do: 'make' }>): Promise<boolean> {
    const { clock, log } = this.#parts;
    const outcome = this.#making.outcome(run, step);
    if (!outcome) return false;
    if ('made' in outcome) {
      await this.#take({ kind: 'made', atMs: clock(), ...outcome.made });
      await run.store.prune(outcome.made.version, step.stage.round, this.#options.keepVersions);
      return true;
    }
    const reason = `the next version can’t be made: ${told(outcome.error)}`;
    log.error('version not made', { reason });
    await this.#take({ kind: 'failed', atMs: clock(), reason });
    return true;
  }

  async #finish(run: OpenRun): Promise<void> {
    await this.#making.idle(); // A stop may come while a version is made: it is not the run's.
    const summary = summaryOf(run.state);
    if (summary.adapter) await run.store.writeAdapter(summary.adapter.version, configOf(run.state.settings));
    await run.store.writeSummary(summary);
    await run.close();
    this.#run = null;
    this.#ended = run.state;
    this.#latest = summary;
    this.#parts.announcer.result(summary);
  }

  #tellTasks(): void {
    const state = this.#run?.state;
    if (state?.step.phase !== 'open' || this.connectedMs === null) return;
    const { announcer, clock, uptime, publisher } = this.#parts;
    if (state.step.stage.kind !== 'init' && !publisher.isShown(state.run, state.version)) return;
    for (const id of dueTasks(state.step, this.#told, uptime(), this.#options.resendMs)) {
      if (!this.devices.get(id)?.online) continue; // It is told when it comes back.
      announcer.task(id, taskFor(state, state.step, id, clock()));
      this.#told.set(id, { atMs: uptime(), answering: false });
    }
  }

  /** What devices are to find at the broker: the run's version, or the last one of the run before. */
  #shown(): Shown | undefined {
    const { runs } = this.#options;
    const state = this.#run?.state;
    if (this.#run && state && state.version >= 0) {
      const { run, version, sha256 } = state;
      return { run, version, sha256, path: this.#run.store.versionPath(version) };
    }
    if (!this.#latest?.adapter) return undefined;
    const { run, adapter } = this.#latest;
    const path = new RunStore(join(runs, run)).versionPath(adapter.version);
    return { run, version: adapter.version, sha256: adapter.sha256, path };
  }

  /** On each change, and only then: a long history is long to write. */
  #tellStatus(): void {
    const [state, note] = [this.#run?.state, this.trouble || this.#note];
    const subject = [state, this.#latest, note];
    if (subject.every((part, i) => part === this.#said[i]) && this.#said.length > 0) return;
    this.#said = subject;
    this.#parts.announcer.status(state ? statusOf(state, note) : idleStatus(this.#latest));
  }
}
