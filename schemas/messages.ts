/** What the machine-facing messages hold, once their bytes were checked. The wire form is fleet.proto. */

export const schemaNumber = 1;

export type TaskKind = 'init' | 'train' | 'evaluate' | 'cancel';

export interface Presence {
  deviceId: string;
  /** Milliseconds since 1970 at the service's start, more than any before; a will of an older one is stale. */
  session: number;
  online: boolean;
  modelSha256: string;
  trainExamples: number;
  evaluationExamples: number;
  version: string;
  /** Why the device can take no task; '' when it can. */
  problem: string;
  /** Of telemetry, lost or refused since the service began; absent: none. */
  droppedPoints?: number;
  /** What tells its watts: a sensor, `estimate`, or `none`; absent: an older service. */
  powerSource?: string;
  /** With `online` false: it was told to stop, and gives back what it was asked; absent: it may go on with it. */
  stopped?: boolean;
}

/** A device does the task of one key once, however often it is told. Round 0 is before the first training. */
export interface TaskKey {
  run: string;
  round: number;
  kind: TaskKind;
}

export interface Lora {
  rank: number;
  alpha: number;
  /** Names of the linear modules that get an adapter, or their last parts, as PEFT's target_modules. */
  targets: string[];
  /** Of the adapter's input, in training; absent: none. */
  dropout?: number;
  /** Scales by alpha / √rank, not alpha / rank. */
  rslora?: boolean;
  /** Ranks of some modules, by a pattern of their names as in PEFT. */
  rankPattern?: Record<string, number>;
  alphaPattern?: Record<string, number>;
}

export interface Training {
  /** Optimizer steps at most; 0: as many as the epochs hold. */
  steps: number;
  epochs: number;
  batchSize: number;
  accumulation: number;
  learningRate: number;
  weightDecay: number;
  warmupSteps: number;
  schedule: 'constant' | 'linear';
  /** Limit of the gradient's L2 norm; 0: none. */
  clipNorm: number;
  /** Of the model's own values, at T5's sites; absent: none. */
  dropout?: number;
}

export interface Text {
  prefix: string;
  maxSourceTokens: number;
  maxTargetTokens: number;
}

export interface Task {
  key: TaskKey;
  modelSha256: string;
  baseVersion: number;
  /** '' for init. */
  baseSha256: string;
  seed: number;
  /** Seconds left when it was sent. */
  deadlineS: number;
  lora: Lora;
  training: Training;
  text: Text;
  /** At most this many; 0: all. */
  evaluationExamples: number;
  /** How often its run was restored from a backup: before the round, it says which task is later. Absent: never. */
  term?: number;
}

export interface Measures {
  /** Examples that the task used: the device's weight in the mean. */
  examples: number;
  steps: number;
  /** Source and target tokens, padding not counted. */
  tokens: number;
  labelTokens: number;
  /** Mean over label tokens, of all the task's steps or of the evaluation. */
  loss: number;
  seconds: number;
  /** Absent: no sensor. */
  joules?: number;
  /** F-measures, 0..100. */
  rouge1?: number;
  rouge2?: number;
  rougeL?: number;
  /** Payload bytes that the device received for the task. */
  bytesDown: number;
  /** Mean of the computation, and before it; absent: no sensor. */
  watts?: number;
  idleWatts?: number;
  /** What told joules and watts: "ina3221", "rapl", "estimate". */
  powerSource?: string;
  /** Of training, by the formula, padding not counted. */
  flops?: number;
  /** Of the processor that trained, in its mode and precision; absent: not known. */
  peakGflops?: number;
  /** "setting", "table" or "measured". */
  peakSource?: string;
  /** Seconds of the adapter's download; absent: nothing was to be loaded. */
  downS?: number;
  /** Seconds from the task's arrival to its result, the download in it. */
  workS?: number;
  /** Profile of the network's energy (network-energy.ts); absent: none was set. */
  link?: string;
  /** Absent: whole batches fit. */
  outOfMemory?: OutOfMemory;
}

/** The batch that memory did not suffice for, padded, in this task or in one like it before, and what did instead. */
export interface OutOfMemory {
  rows: number;
  /** Tokens of a row. */
  source: number;
  target: number;
  /** Rows at a time: a batch is done in so small parts, and their gradients added. */
  microBatch: number;
}

/** A tensor as a codec wrote it. */
export interface UpdateTensor {
  name: string;
  shape: number[];
  data: Uint8Array;
}

/** A device's answer to a task. Tensors: init: the adapter; train: local − global; evaluate: none. */
export interface Update {
  key: TaskKey;
  deviceId: string;
  baseVersion: number;
  baseSha256: string;
  codec: string;
  tensors: UpdateTensor[];
  measures: Measures;
  /** Why the task could not be done; '' when it was. */
  failure: string;
}

/** A piece of an update (with its key) or of an adapter (without). */
export interface Chunk {
  key?: TaskKey;
  /** Of the whole, hexadecimal. */
  sha256: string;
  index: number;
  count: number;
  totalBytes: number;
  data: Uint8Array;
}

export interface Manifest {
  run: string;
  version: number;
  sha256: string;
  totalBytes: number;
  chunkBytes: number;
  count: number;
}

export interface Receipt {
  key: TaskKey;
  sha256: string;
  state: 'receiving' | 'accepted' | 'refused';
  /** All chunks below are on the coordinator's disk. */
  nextChunk: number;
  reason: string;
}

/** One measurement at one time, as InfluxDB has them. */
export interface Point {
  measurement: string;
  tags: Record<string, string>;
  fields: Record<string, number>;
  timeMs: number;
}

export interface TelemetryBatch {
  deviceId: string;
  points: Point[];
  /** Chance's number, below 2^48, which the receipt repeats; 0: no receipt is wanted. */
  batch: number;
}

/** The coordinator's answer to a TelemetryBatch: until it has come, the device keeps the points. */
export interface TelemetryReceipt {
  batch: number;
  /** Why they are not taken now; '' when they are on the coordinator's disk. */
  reason: string;
}

/** The protobuf form of a trigger: `settings` are keys and values of the run's settings, as text. */
export interface Trigger {
  id: string;
  settings: Record<string, string>;
}

export interface Messages {
  Presence: Presence;
  Task: Task;
  Update: Update;
  Chunk: Chunk;
  Manifest: Manifest;
  Receipt: Receipt;
  TelemetryBatch: TelemetryBatch;
  TelemetryReceipt: TelemetryReceipt;
  Trigger: Trigger;
}
