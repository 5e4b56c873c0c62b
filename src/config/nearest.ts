/** The one of `words` that was probably meant, or undefined when none is near. */
export function nearest(typed: string, words: Iterable<string>): string | undefined {
  let best: string | undefined;
  // A third of the word may be wrong; more is another word.
  let limit = Math.max(1, Math.floor(typed.length / 3)) + 1;
  for (const word of words) {
    const distance = edits(typed, word);
    if (distance < limit) [best, limit] = [word, distance];
  }
  return best;
}

/** Letters to insert, remove, replace or exchange with their neighbour. */
function edits(a: string, b: string): number {
  let [before, row] = [[] as number[], Array.from({ length: b.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const exchanged = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const costs = [at(row, j) + 1, at(next, j - 1) + 1, at(row, j - 1) + same];
      next.push(Math.min(...costs, exchanged ? at(before, j - 2) + 1 : Number.POSITIVE_INFINITY));
    }
    [before, row] = [row, next];
  }
  return at(row, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
