/** A sha256 as people compare it, over the telephone too: eight groups of eight. @param hex 64 lower-case digits */
export function digestGroups(hex: string): string {
  return hex.replace(/.{8}(?=.)/g, '$& ');
}

/** Enough to recognise a key or file among its neighbours; never to compare by. */
export function shortDigest(hex: string): string {
  return hex.slice(0, 8);
}
