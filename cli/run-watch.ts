import { Refusal } from '../schemas/refusal.js';
import type { FleetStatus, Refused, RunSummary } from '../schemas/status.js';
import { type LiveState, nothingHeard, withoutDevices, withPresence, withTelemetry } from './live-state.js';
import { connectOperator, type Operator, type OperatorReach } from './operator.js';

/** A run that is to be triggered and followed. */
export interface RunRequest {
  /** Of the trigger: the same id again starts no second run. */
  id: string;
  /** Settings of the run that differ from the coordinator's own. */
  settings: Record<string, unknown>;
}

/** The run of a trigger's id. */
export interface Triggered {
  run: string;
  /** What the coordinator had made of the id before; null: this trigger started the run. */
  known: 'on' | 'ended' | null;
}

export interface RunWatch {
  /** Publishes the trigger. @throws Refusal with the coordinator's reason, or without any answer */
  start(request: RunRequest): Promise<Triggered>;
  /** Asks for the end of the run that is on. @returns its summary @throws Refusal as `start`, and where none is on */
  stop(): Promise<RunSummary>;
  /** Until the coordinator says how the run of this trigger came out. */
  ended(id: string): Promise<RunSummary>;
  /** What it said already of how the run of this trigger came out. */
  result(id: string): RunSummary | undefined;
  state(): LiveState;
  operator: Operator;
}

/** Takes what was heard for an answer, or not. */
interface Listener {
  status?(status: FleetStatus): unknown;
  result?(summary: RunSummary): unknown;
  refused?(refused: Refused): unknown;
}

const answerLimitMs = 15_000;
/** A broker that came back hears of its devices again within; of those that it does not, nothing is known. */
const returnMs = 30_000;

/** Listens to a fleet as an operator. @param changed called whenever something was heard */
export async function watchRuns(
  settings: OperatorReach,
  changed: (state: LiveState) => void = () => {},
): Promise<RunWatch> {
  let state = nothingHeard(settings.fleet);
  let listener: Listener = {};
  const results = new Map<string, RunSummary>();
  const endings = new Map<string, (summary: RunSummary) => void>();
  const update = (next: LiveState) => {
    state = next;
    changed(state);
  };
  let unheard = new Set<string>();
  let returning: NodeJS.Timeout | undefined;
  const operator = await connectOperator(settings, {
    connected() {
      unheard = new Set(state.presences.keys());
      clearTimeout(returning);
      returning = setTimeout(() => update(withoutDevices(state, unheard)), returnMs).unref();
      update({ ...state, connected: true });
    },
    disconnected() {
      clearTimeout(returning);
      update({ ...state, connected: false });
    },
    status(status) {
      update({ ...state, status });
      listener.status?.(status);
    },
    result(summary) {
      const { id } = summary.trigger;
      results.set(id, summary);
      update({ ...state, result: summary });
      listener.result?.(summary);
      endings.get(id)?.(summary);
    },
    refused(refused) {
      update({ ...state, refused });
      listener.refused?.(refused);
    },
    coordinator({ online }) {
      update({ ...state, coordinating: online });
    },
    presence(presence) {
      unheard.delete(presence.deviceId);
      update(withPresence(state, presence));
    },
    telemetry: (batch) => update(withTelemetry(state, batch, Date.now())),
  });
  await operator.settled();
  /** Publishes what asks, and waits for what is taken for the answer. */
  const answer = async <T>(ask: () => Promise<void>, listen: (take: Take<T>) => Listener): Promise<T> => {
    const { promise, late } = bounded<T>((take) => {
      listener = listen(take);
    });
    try {
      await ask();
      return await promise;
    } finally {
      clearTimeout(late);
      listener = {};
    }
  };
  return {
    operator,
    state: () => state,
    result: (id) => results.get(id),
    async start({ id, settings: run }) {
      const known = knownRun(id, state.status, results.get(id));
      if (known) return known;
      return answer<Triggered>(
        () => operator.start(id, run),
        ({ is, refuse }) => ({
          // Another operator's run may begin at the same moment: only a trigger of this id is the answer.
          status: ({ run, trigger }) => run && trigger === id && is({ run, known: null }),
          result: ({ run, trigger }) => trigger.id === id && is({ run, known: null }),
          refused(refused) {
            if (refused.id !== id) return;
            const run = /was run already as (\S+)$/.exec(refused.reason)?.[1];
            if (run) is({ run, known: 'ended' });
            else refuse(`the coordinator refused the trigger: ${refused.reason}`);
          },
        }),
      );
    },
    async stop() {
      const { status } = state;
      if (!status) throw new Refusal(nobody);
      return answer<RunSummary>(operator.stop, ({ is, refuse }) => ({
        result: (summary) => (summary.run === status.run || status.state === 'idle') && is(summary),
        refused: ({ id, reason }) => id === null && refuse(`nothing was stopped: ${reason}`),
      }));
    },
    ended: (id) =>
      new Promise((resolve) => {
        const known = results.get(id);
        if (known) resolve(known);
        else endings.set(id, resolve);
      }),
  };
}

/** Pure. What the retained messages say of a trigger's id. */
export function knownRun(
  id: string,
  status: FleetStatus | undefined,
  result: RunSummary | undefined,
): Triggered | undefined {
  if (result) return { run: result.run, known: 'ended' };
  if (!status?.run || status.trigger !== id) return undefined;
  return { run: status.run, known: status.state === 'idle' ? 'ended' : 'on' };
}

interface Take<T> {
  is(answer: T): void;
  refuse(reason: string): void;
}

const nobody = 'no coordinator has said anything here: start one (fleetune coordinator)';

function bounded<T>(listen: (take: Take<T>) => void) {
  let late: NodeJS.Timeout | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    const refuse = (reason: string) => reject(new Refusal(reason));
    late = setTimeout(
      () =>
        refuse(
          `no answer from a coordinator within ${answerLimitMs / 1000} s: none runs for this fleet ` +
            '(fleetune coordinator)',
        ),
      answerLimitMs,
    );
    listen({ is: resolve, refuse });
  });
  promise.catch(() => {}); // Awaited only once the message is out.
  return { promise, late };
}
