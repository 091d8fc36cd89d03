import type {
  Lora,
  Measures,
  Messages,
  OutOfMemory,
  Point,
  TaskKey,
  Text,
  Training,
  UpdateTensor,
} from './messages.js';
import { namePattern } from './topics.js';

/**
 * What one field may hold. Numbers on the wire and texts in our form: only `word` differs between the two.
 */
export type Rule =
  | { kind: 'number'; whole: boolean; min: number; max: number; optional?: boolean }
  | { kind: 'flag'; optional?: boolean }
  | { kind: 'text'; pattern?: RegExp; expected: string; max: number; cut?: boolean; optional?: boolean }
  | { kind: 'word'; words: readonly string[]; onWire: 'number' | 'text' }
  | { kind: 'bytes'; min: number; max: number }
  | { kind: 'list'; of: Rule; max: number }
  | { kind: 'map'; of: Rule; keys: RegExp; max: number }
  | MessageRule<object>;

export interface MessageRule<T> {
  kind: 'message';
  optional?: boolean;
  fields: { readonly [F in keyof T]-?: Rule };
  /** What is wrong between fields that are each right, as "index: 3 is not below count 3". */
  between?(message: T): string | undefined;
}

/** What the rules are about, and the largest payload of a kind in bytes. */
export type MessageRules = {
  readonly [K in keyof Messages]: MessageRule<Messages[K]> & { maxBytes: number };
};

export const maxChunkBytes = 256 * 1024;
/** Of an update or an adapter; a coordinator's own limit is usually lower. */
export const maxTransferBytes = 2 ** 30;
const maxCount = 2 ** 20;
const maxUint32 = 2 ** 32 - 1;

const whole = (min: number, max: number): Rule => ({ kind: 'number', whole: true, min, max });
const real = (min: number, max: number): Rule => ({ kind: 'number', whole: false, min, max });
const measured = (max: number): Rule => ({ kind: 'number', whole: false, min: 0, max, optional: true });
const text = (max: number): Rule => ({ kind: 'text', expected: `text of at most ${max} characters`, max });
/** Free text for people: cut where it is too long, never a reason to send nothing. */
const told: Rule = { kind: 'text', expected: 'text of at most 1000 characters', max: 1000, cut: true };
const like = (pattern: RegExp, expected: string): Rule => ({ kind: 'text', pattern, expected, max: 500 });
const name = like(namePattern, 'a name of letters, digits, _ and -');
const sha256 = like(/^[0-9a-f]{64}$/, '64 hexadecimal digits');
const sha256OrNone = like(/^([0-9a-f]{64})?$/, '64 hexadecimal digits or nothing');
const flag: Rule = { kind: 'flag' };
/** A word of a table that may grow: what it means is known to who uses it. */
const mark: Rule = {
  ...{ kind: 'text', pattern: /^[a-z0-9][a-z0-9_-]{0,39}$/, max: 40, optional: true },
  expected: 'a word of small letters and digits',
};

const message = <T extends object>(
  fields: MessageRule<T>['fields'],
  between: (message: T) => string | undefined = () => undefined,
): MessageRule<T> => ({ kind: 'message', fields, between });
/**
 * A table of rules asks for rules of any message; `between` is only ever given what its fields have checked.
 */
const nested = <T extends object>(fields: MessageRule<T>['fields']) =>
  message<T>(fields) as MessageRule<object>;

const round = whole(0, 1_000_000);
const version = whole(0, 1_000_000);
const examples = whole(0, maxUint32);
const safe = whole(0, Number.MAX_SAFE_INTEGER);

const key = nested<TaskKey>({
  run: name,
  round,
  kind: { kind: 'word', words: ['init', 'train', 'evaluate', 'cancel'], onWire: 'number' },
});

const rate: Rule = { kind: 'number', whole: false, min: 0, max: 0.9, optional: true };
/** Of module names, as PEFT's rank_pattern; none of T5's begins with a mark. */
const pattern = /^[^_\s].{0,199}$/;
const lora = nested<Lora>({
  rank: whole(1, 1024),
  alpha: real(1e-6, 1e6),
  targets: { kind: 'list', of: like(/^[\w.]{1,64}$/, 'the name of a module'), max: 64 },
  dropout: rate,
  rslora: { kind: 'flag', optional: true },
  rankPattern: { kind: 'map', of: whole(1, 1024), keys: pattern, max: 64 },
  alphaPattern: { kind: 'map', of: real(1e-6, 1e6), keys: pattern, max: 64 },
});

const training = nested<Training>({
  steps: whole(0, 1_000_000),
  epochs: real(0, 1000),
  batchSize: whole(1, 1024),
  accumulation: whole(1, 1024),
  learningRate: real(0, 10),
  weightDecay: real(0, 10),
  warmupSteps: whole(0, 1_000_000),
  schedule: { kind: 'word', words: ['constant', 'linear'], onWire: 'text' },
  clipNorm: real(0, 1e6),
  dropout: rate,
});

const sourceText = nested<Text>({
  prefix: text(1000),
  maxSourceTokens: whole(1, 8192),
  maxTargetTokens: whole(1, 2048),
});

const rows = whole(1, maxUint32);
const outOfMemory = nested<OutOfMemory>({ rows, source: rows, target: rows, microBatch: rows });

const measures = nested<Measures>({
  examples,
  steps: whole(0, maxUint32),
  tokens: safe,
  labelTokens: safe,
  loss: real(-1e30, 1e30),
  seconds: real(0, 1e9),
  joules: measured(1e15),
  rouge1: measured(100),
  rouge2: measured(100),
  rougeL: measured(100),
  bytesDown: safe,
  watts: measured(1e9),
  idleWatts: measured(1e9),
  powerSource: mark,
  flops: measured(1e30),
  peakGflops: measured(1e12),
  peakSource: mark,
  downS: measured(1e9),
  workS: measured(1e9),
  link: mark,
  outOfMemory: { ...outOfMemory, optional: true },
});

const tensor = nested<UpdateTensor>({
  name: like(/^[\w./-]{1,200}$/, 'the name of a tensor'),
  shape: { kind: 'list', of: whole(1, 2 ** 31), max: 8 },
  data: { kind: 'bytes', min: 1, max: maxTransferBytes },
});

const tags = /^[A-Za-z][\w.-]{0,63}$/;
const point = nested<Point>({
  measurement: like(tags, 'the name of a measurement'),
  tags: { kind: 'map', of: text(200), keys: tags, max: 32 },
  fields: { kind: 'map', of: real(-1e300, 1e300), keys: tags, max: 64 },
  timeMs: safe,
});

export const messageRules: MessageRules = {
  Presence: {
    maxBytes: 8 * 1024,
    ...message<Messages['Presence']>(
      {
        deviceId: name,
        session: whole(1, Number.MAX_SAFE_INTEGER),
        online: flag,
        modelSha256: sha256OrNone,
        trainExamples: examples,
        evaluationExamples: examples,
        version: text(100),
        problem: told,
        droppedPoints: { kind: 'number', whole: true, min: 0, max: Number.MAX_SAFE_INTEGER, optional: true },
        powerSource: mark,
        stopped: { kind: 'flag', optional: true },
      },
      // Without a model a device has a problem to tell; a will needs to say no more than that it is gone.
      (m) => (m.online && m.problem === '' && m.modelSha256 === '' ? 'modelSha256: missing' : undefined),
    ),
  },
  Task: {
    maxBytes: 32 * 1024,
    ...message<Messages['Task']>(
      {
        key,
        modelSha256: sha256,
        baseVersion: version,
        baseSha256: sha256OrNone,
        seed: whole(0, 2 ** 48 - 1),
        deadlineS: whole(0, maxUint32),
        lora,
        training,
        text: sourceText,
        evaluationExamples: examples,
        term: { kind: 'number', whole: true, min: 0, max: maxUint32, optional: true },
      },
      (m) => {
        const needsBase = m.key.kind === 'train' || m.key.kind === 'evaluate';
        if (needsBase && m.baseSha256 === '') return 'baseSha256: missing';
        return m.lora.targets.length === 0 ? 'lora.targets: missing' : undefined;
      },
    ),
  },
  Update: {
    maxBytes: maxTransferBytes,
    ...message<Messages['Update']>(
      {
        key,
        deviceId: name,
        baseVersion: version,
        baseSha256: sha256OrNone,
        codec: like(/^[a-z0-9]{0,16}$/, 'the name of a codec'),
        tensors: { kind: 'list', of: tensor, max: 100_000 },
        measures,
        failure: told,
      },
      (m) => {
        if (m.key.kind === 'cancel') return 'key.kind: nothing answers a cancel';
        const carries = m.failure === '' && m.key.kind !== 'evaluate';
        if (!carries) return m.tensors.length > 0 ? 'tensors: expected none' : undefined;
        if (m.tensors.length === 0) return 'tensors: missing';
        if (m.key.kind === 'train' && m.baseSha256 === '') return 'baseSha256: missing';
        return m.codec === '' ? 'codec: missing' : undefined;
      },
    ),
  },
  Chunk: {
    maxBytes: maxChunkBytes + 1024,
    ...message<Messages['Chunk']>(
      {
        key: { ...key, optional: true },
        sha256,
        index: whole(0, maxCount - 1),
        count: whole(1, maxCount),
        totalBytes: whole(1, maxTransferBytes),
        data: { kind: 'bytes', min: 1, max: maxChunkBytes },
      },
      (m) => {
        if (m.index >= m.count) return `index: ${m.index} is not below count ${m.count}`;
        const least = m.data.length + m.count - 1; // Every other chunk holds a byte at least.
        return m.totalBytes < least ? `totalBytes: ${m.totalBytes} is less than its chunks hold` : undefined;
      },
    ),
  },
  Manifest: {
    maxBytes: 4 * 1024,
    ...message<Messages['Manifest']>(
      {
        run: name,
        version,
        sha256,
        totalBytes: whole(1, maxTransferBytes),
        chunkBytes: whole(1, maxChunkBytes),
        count: whole(1, maxCount),
      },
      (m) => {
        const count = Math.ceil(m.totalBytes / m.chunkBytes);
        return m.count === count
          ? undefined
          : `count: ${m.count} is not the ${count} of totalBytes / chunkBytes`;
      },
    ),
  },
  Receipt: {
    maxBytes: 8 * 1024,
    ...message<Messages['Receipt']>(
      {
        key,
        sha256,
        state: { kind: 'word', words: ['receiving', 'accepted', 'refused'], onWire: 'number' },
        nextChunk: whole(0, maxCount),
        reason: told,
      },
      (m) => (m.state === 'refused' && m.reason === '' ? 'reason: missing' : undefined),
    ),
  },
  TelemetryBatch: {
    maxBytes: maxChunkBytes,
    ...message<Messages['TelemetryBatch']>({
      deviceId: name,
      points: { kind: 'list', of: point, max: 10_000 },
      batch: whole(0, 2 ** 48 - 1),
    }),
  },
  TelemetryReceipt: {
    maxBytes: 8 * 1024,
    ...message<Messages['TelemetryReceipt']>({ batch: whole(1, 2 ** 48 - 1), reason: told }),
  },
  Trigger: {
    maxBytes: 64 * 1024,
    ...message<Messages['Trigger']>({
      id: like(/^[A-Za-z0-9_.:-]{0,64}$/, 'an id of at most 64 letters, digits, _ . : and -'),
      settings: { kind: 'map', of: text(1000), keys: /^[A-Za-z]\w{0,63}$/, max: 100 },
    }),
  },
};
