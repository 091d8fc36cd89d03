import { decode } from '../schemas/codec.js';
import { decodeTensors } from '../schemas/codecs.js';
import type { Chunk, Receipt, TaskKey, Update } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';
import type { RunSettings } from '../schemas/run-settings.js';
import { checkEnvelope, checkTensors, type Expected } from './checks.js';
import type { Answer, Answers, Cohort, RunEntry, RunState, Stage } from './run.js';
import type { RunStore } from './run-store.js';
import { chunkBytesOf, Upload, type UploadLimits } from './upload.js';

/** What a chunk came to: the receipt to send, after the entry, if there is one, is in the journal. */
export interface Received {
  receipt: Receipt;
  entry?: RunEntry;
}

export interface Receiving {
  state: RunState | null;
  store: RunStore | null;
  /** Names and shapes of the current adapter; null before there is one. */
  shapes: ReadonlyMap<string, readonly number[]> | null;
  limits: UploadLimits;
  nowMs: number;
}

/**
 * One chunk of an update: admitted, written, and when it was the last, checked and judged. Whatever arrives
 * twice, late or out of order is answered with where the upload stands.
 * @throws disk errors: then nothing is answered and the device sends it again
 */
export async function receiveChunk(
  at: Receiving,
  deviceId: string,
  key: TaskKey,
  chunk: Chunk,
): Promise<Received> {
  const answer = answerer(key, chunk.sha256);
  const admitted = admit(at.state, deviceId, key, chunk.sha256);
  if (typeof admitted === 'string') return answer('refused', admitted);
  if ('accepted' in admitted) return answerAgain(answer, admitted, chunk.sha256);
  const { store, state, nowMs: atMs } = at;
  if (!store || !state) throw new Error('an open task without a run');

  const refuse = (reason: string): Received => ({
    ...answer('refused', reason),
    entry: { kind: 'refused', atMs, deviceId, sha256: chunk.sha256, reason },
  });
  const chunkBytes = chunkBytesOf(chunk, at.limits);
  if (typeof chunkBytes === 'string') return refuse(chunkBytes);
  const upload = new Upload(store.spool(admitted.stage), deviceId, chunk.sha256);
  const next = await upload.take(chunk, chunkBytes);
  if (next < chunk.count) return answer('receiving', '', next);
  const bytes = await upload.read();
  if (!bytes) return answer('receiving', '', 0);
  const judged = judge(bytes, expected(state, admitted, deviceId, at.shapes));
  if (typeof judged === 'string') {
    await upload.drop();
    return refuse(judged);
  }
  await upload.keep(store.updatePath(admitted.stage, deviceId));
  const { sha256 } = chunk;
  const { measures } = judged;
  return {
    ...answer('accepted', '', chunk.count),
    entry: { kind: 'accepted', atMs, deviceId, sha256, bytes: bytes.length, measures },
  };
}

/** The open stage that a chunk belongs to, the answer that was given before, or why neither. */
export function admit(
  state: RunState | null,
  deviceId: string,
  key: TaskKey,
  sha256: string,
): Cohort | Answer | string {
  if (state?.run !== key.run) return `run ${key.run} is not open`;
  const { step, recent } = state;
  const isKey = ({ stage }: Pick<Cohort, 'stage'>) => stage.kind === key.kind && stage.round === key.round;
  if (step.phase === 'open' && isKey(step)) {
    if (!step.round.invited.includes(deviceId)) return 'the device was not invited';
    const before = answerOf(step.answers, deviceId);
    if (before) return before;
    if (step.round.phase === 'open') return step;
  }
  const before = answerOf(recent.findLast(isKey)?.answers ?? {}, deviceId);
  if (before && (before.sha256 === sha256 || !before.accepted)) return before;
  return `${key.kind} of round ${key.round} is closed`;
}

/** A board may be called `constructor`, which every object has. */
const answerOf = (answers: Answers, deviceId: string) =>
  Object.hasOwn(answers, deviceId) ? answers[deviceId] : undefined;

/** What is wrong with a whole update, or the update. */
function judge(bytes: Uint8Array, expected: Expected): Update | string {
  try {
    const update = decode('Update', bytes, `update of ${expected.deviceId}`);
    const tensors = () =>
      update.tensors.length > 0 ? decodeTensors(update.codec, update.tensors) : new Map();
    const reason = checkEnvelope(update, expected) || checkTensors(tensors(), expected);
    return reason === '' ? update : reason;
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}

function expected(state: RunState, cohort: Cohort, deviceId: string, shapes: Receiving['shapes']): Expected {
  const isInit = cohort.stage.kind === 'init';
  return {
    key: { run: state.run, ...cohort.stage },
    deviceId,
    baseVersion: isInit ? 0 : state.version,
    baseSha256: isInit ? '' : state.sha256,
    shapes: isInit ? null : shapes,
    maxNorm: state.settings.maxUpdateNorm,
    maxExamples: maxExamplesOf(cohort.stage, state.settings),
  };
}

/** Different examples that a task can use: what it claims is its weight in the mean. */
function maxExamplesOf({ kind }: Stage, settings: RunSettings): number {
  const { steps, batchSize, accumulation, evaluationExamples } = settings;
  const asked = kind === 'evaluate' ? evaluationExamples : steps * batchSize * accumulation;
  return asked > 0 ? asked : Number.POSITIVE_INFINITY;
}

function answerer(key: TaskKey, sha256: string) {
  return (state: Receipt['state'], reason: string, nextChunk = 0): Received => ({
    receipt: { key, sha256, state, nextChunk, reason },
  });
}

function answerAgain(answer: ReturnType<typeof answerer>, before: Answer, sha256: string): Received {
  if (!before.accepted) return answer('refused', before.reason);
  if (before.sha256 === sha256) return answer('accepted', '');
  return answer('refused', 'another update for this task was accepted before');
}
