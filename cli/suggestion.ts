/** The word that differs least from `word`, where it differs by no more than a typing error or two. */
export function nearestWord(word: string, words: readonly string[]): string | undefined {
  const [best] = words
    .map((candidate) => ({ candidate, edits: distance(word, candidate) }))
    .sort((a, b) => a.edits - b.edits);
  if (best && best.edits <= Math.max(2, Math.floor(best.candidate.length / 3))) return best.candidate;
  return words.find(
    (candidate) => candidate.startsWith(word) || candidate.split(' ').some((part) => part === word),
  );
}

/** Letters to insert, delete or replace (Levenshtein), by one row of the table at a time. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
