const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `2027-01-31 04:10Z` */
export function dateText(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')}Z`;
}

/** `2027-01-31 04:10Z (in 6 d 02 h)`; without `now`, the date alone. */
export function deadline(date: Date, now?: Date): string {
  return now === undefined ? dateText(date) : `${dateText(date)} (${distanceText(date, now)})`;
}

/** `in 6 d 02 h`, `12 min ago` */
export function distanceText(date: Date, now: Date): string {
  const distance = date.getTime() - now.getTime();
  return distance < 0 ? `${durationText(-distance)} ago` : `in ${durationText(distance)}`;
}

/** The two largest units, rounded down. @param ms milliseconds, not negative */
export function durationText(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / 1000)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ${two((ms % HOUR) / MINUTE)} min`;
  return `${Math.floor(ms / DAY)} d ${two((ms % DAY) / HOUR)} h`;
}

function two(n: number): string {
  return String(Math.floor(n)).padStart(2, '0');
}
