import type { Decoding } from './decoding.js';

/** One sequence of a search. */
export interface Beam {
  /** The start token first. */
  ids: readonly number[];
  /** Sum of log-probabilities; once finished, divided by the length to the power of the penalty. */
  score: number;
  /** For each token that has been read, its place among those that were read with it: where its keys and values are. */
  path: readonly number[];
}

/** The search for one source's summary. */
export interface Search {
  /** Best first; at the start only one. Empty when the longest length is reached. */
  running: readonly Beam[];
  /** Best first, at most as many as there are beams. */
  finished: readonly Beam[];
  done: boolean;
}

export interface Candidate {
  token: number;
  logProb: number;
}

export const newSearch = (startId: number): Search => ({
  running: [{ ids: [startId], score: 0, path: [] }],
  finished: [],
  done: false,
});

/** Candidates that a search needs to see of each running beam. */
export const candidatesNeeded = ({ beams }: Decoding) => (beams === 1 ? 1 : 2 * beams);

/**
 * A search, one token further.
 * @param likely of each running beam the likeliest next tokens that are not banned, likeliest first
 */
export function advance(
  search: Search,
  likely: readonly (readonly Candidate[])[],
  decoding: Decoding,
  eosId: number,
): Search {
  const length = search.running[0]!.ids.length; // of each beam with its new token, less the start token
  const ends = ({ token }: Candidate) => token === eosId || length === decoding.maxTokens;
  const next = search.running
    .flatMap(({ score }, parent) =>
      likely[parent]!.map(({ token, logProb }) => ({ token, logProb, parent, score: score + logProb })),
    )
    .sort((a, b) => b.score - a.score)
    .slice(0, candidatesNeeded(decoding));
  const beam = ({ token, parent, score }: (typeof next)[number]): Beam => {
    const { ids, path } = search.running[parent]!;
    return { ids: [...ids, token], score, path: [...path, parent] };
  };
  // Only the first `beams` may end; the others are there so that enough remain that go on.
  const ended = next.slice(0, decoding.beams).filter(ends).map(beam);
  const running = next
    .filter((candidate) => !ends(candidate))
    .slice(0, decoding.beams)
    .map(beam);
  if (decoding.beams === 1) return { running, finished: ended, done: ended.length > 0 };
  const scored = ended.map((one) => ({ ...one, score: one.score / length ** decoding.lengthPenalty }));
  const finished = [...search.finished, ...scored].sort((a, b) => b.score - a.score).slice(0, decoding.beams);
  return { running, finished, done: isOver(running, finished, length, decoding) };
}

/** Whether no running beam can enter the finished ones any more, as far as early stopping wants to know. */
function isOver(
  running: readonly Beam[],
  finished: readonly Beam[],
  length: number,
  { beams, lengthPenalty, maxTokens, earlyStopping }: Decoding,
): boolean {
  const [best] = running;
  if (!best) return true;
  if (finished.length < beams) return false;
  if (earlyStopping === true) return true;
  // Log-probabilities are below 0, so that a longer length makes a score better where the penalty is above 0.
  const assumed = earlyStopping === 'never' && lengthPenalty > 0 ? maxTokens : length;
  return best.score / assumed ** lengthPenalty <= finished.at(-1)!.score;
}
