import { told } from '../runtime/log.js';
import type { RunSummary } from '../schemas/status.js';
import type { DealtText } from './dealing.js';
import type { DemoSettings } from './demo-settings.js';
import type { DeviceFolder } from './fleet.js';
import type { LiveView } from './live-view.js';
import type { PeakMemory } from './memory.js';
import { triggerId } from './rounds.js';
import { watchRuns } from './run-watch.js';
import type { Supervisor } from './supervisor.js';

/** What the parts of a demo share. */
export interface Demo {
  settings: DemoSettings;
  text: DealtText;
  devices: readonly DeviceFolder[];
  folder: string;
  supervisor: Supervisor;
  view: LiveView;
  memory: PeakMemory;
}

export const tickMs = 1000;

/** Triggers a run as an operator would, and shows it to its end. */
export async function followRun(
  { settings, view }: Demo,
  broker: string,
  name: string,
  other: Record<string, unknown>,
): Promise<RunSummary> {
  const watch = await watchRuns({ broker, fleet: name, password: '', connectS: 10 }, (state) =>
    view.show(state),
  );
  const ticks = setInterval(() => view.show(watch.state()), tickMs);
  try {
    const id = triggerId('demo');
    // What is scored was chosen when the text was dealt.
    await watch.start({ id, settings: { ...settings.run, evaluationExamples: 0, ...other } });
    return await watch.ended(id);
  } finally {
    clearInterval(ticks);
    view.end();
    await watch.operator.close().catch((error) => view.note(told(error)));
  }
}
