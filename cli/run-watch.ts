import { Refusal } from '../schemas/refusal.js';
import type { RunSummary } from '../schemas/status.js';
import { type LiveState, nothingHeard, withPresence, withTelemetry } from './live-state.js';
import { connectOperator, type Operator, type OperatorSettings } from './operator.js';

/** A run that is to be triggered and followed. */
export interface RunRequest {
  /** Of the trigger: the same id again starts no second run. */
  id: string;
  /** Settings of the run that differ from the coordinator's own. */
  settings: Record<string, unknown>;
}

export interface RunWatch {
  /** Publishes the trigger. @returns the run's name @throws Refusal with the coordinator's reason, or without any answer */
  start(request: RunRequest): Promise<string>;
  /** Until the coordinator says how the run of this trigger came out. */
  ended(id: string): Promise<RunSummary>;
  state(): LiveState;
  operator: Operator;
}

type Waiting = { id: string; heard: (answer: Answer) => void };
type Answer = { run: string } | { refused: string };

const answerLimitMs = 15_000;

/** Listens to a fleet as an operator. @param changed called whenever something was heard */
export async function watchRuns(
  settings: Omit<OperatorSettings, 'json'>,
  changed: (state: LiveState) => void = () => {},
): Promise<RunWatch> {
  let state = nothingHeard;
  let waiting: Waiting | undefined;
  const results = new Map<string, RunSummary>();
  const listeners = new Map<string, (summary: RunSummary) => void>();
  const update = (next: LiveState) => {
    state = next;
    changed(state);
  };
  const operator = await connectOperator(settings, {
    status(status) {
      const before = state.status?.run;
      update({ ...state, status });
      if (waiting && status.run && status.run !== before) waiting.heard({ run: status.run });
    },
    result(summary) {
      const { id } = summary.trigger;
      results.set(id, summary);
      if (waiting?.id === id) waiting.heard({ run: summary.run });
      listeners.get(id)?.(summary);
    },
    refused({ id, reason }) {
      if (waiting && id === waiting.id) waiting.heard({ refused: reason });
    },
    presence: (presence) => update(withPresence(state, presence)),
    telemetry: (batch) => update(withTelemetry(state, batch)),
  });
  await operator.settled();
  return {
    operator,
    state: () => state,
    async start({ id, settings: run }) {
      const known = results.get(id);
      if (known) return known.run;
      const { promise, late } = answerOf(id, (next) => {
        waiting = next;
      });
      try {
        await operator.start(id, run);
        return await promise;
      } finally {
        clearTimeout(late);
        waiting = undefined;
      }
    },
    ended: (id) =>
      new Promise((resolve) => {
        const known = results.get(id);
        if (known) resolve(known);
        else listeners.set(id, resolve);
      }),
  };
}

function answerOf(id: string, wait: (waiting: Waiting) => void) {
  let late: NodeJS.Timeout | undefined;
  const promise = new Promise<string>((resolve, reject) => {
    late = setTimeout(
      () =>
        reject(
          new Refusal(
            `no answer from a coordinator within ${answerLimitMs / 1000} s: none runs for this fleet ` +
              `(fleetune coordinator), or trigger ${id} had its run before (fleetune status)`,
          ),
        ),
      answerLimitMs,
    );
    wait({
      id,
      heard: (answer) =>
        'run' in answer
          ? resolve(answer.run)
          : reject(new Refusal(`the coordinator refused the trigger: ${answer.refused}`)),
    });
  });
  promise.catch(() => {}); // Awaited only once the trigger is out.
  return { promise, late };
}
