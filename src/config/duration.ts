/** Times in tufa.yaml and on command lines; apart from the schema, so that a command can read one without loading it. */

const MINUTE = 60_000;
/** Milliseconds. */
export const DAY = 24 * 60 * MINUTE;
const UNITS = { d: DAY, h: 60 * MINUTE, m: MINUTE, s: 1000 } as const;
const DURATION = /^([1-9]\d{0,5})([dhms])$/;
/** Dates in metadata have four digits for the year. */
const LONGEST = 3650 * DAY;

/** Milliseconds of `365d`, `12h`, `15m` or `60s`; undefined where it is none. */
export function durationMs(text: unknown): number | undefined {
  const [, count, unit] = (typeof text === 'string' ? DURATION.exec(text) : null) ?? [];
  if (count === undefined) return undefined;
  const ms = Number(count) * UNITS[unit as keyof typeof UNITS];
  return ms <= LONGEST ? ms : undefined;
}
