/** Correctness comes before any time: what differs ends the run. */
export function same<T>(what: string, found: T, expected: T): void {
  if (found !== expected) fail(`${what}: expected ${short(expected)}, found ${short(found)}`);
}

export function fail(what: string): never {
  throw new Error(`not correct, so nothing was timed: ${what}`);
}

function short(value: unknown): string {
  const text = String(value);
  return text.length > 120 ? `${text.slice(0, 120)}...` : text;
}
