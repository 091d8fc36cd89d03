import type { EngineSettings, StepReport } from '../../device/engine/engine.js';
import type { Cell } from './plan.js';

/** What a child is asked to measure. */
export type CellJob =
  | { kind: 'ceiling'; model: string; threads: number; cell: Cell }
  | {
      kind: 'steps';
      model: string;
      engine: EngineSettings;
      cell: Cell;
      warmUp: number;
      repetitions: number;
      /** Steps go on until this is over, too. */
      seconds: number;
    };

export type CellReply =
  | { kind: 'ceiling'; gflops: number }
  /** Warm: what follows counts. */
  | { kind: 'measuring' }
  | { kind: 'step'; ms: number; parts: StepReport['parts'] }
  | { kind: 'done'; flops: number; loadedBytes: number; peakRssBytes: number }
  | { kind: 'failed'; message: string };
