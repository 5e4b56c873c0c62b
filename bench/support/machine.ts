import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';

/** What a figure depends on besides the code: printed with every run. */
export function machine(): Record<string, string | number> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    openssl: process.versions.openssl,
    load: loadavg()
      .map((n) => n.toFixed(1))
      .join(' '),
  };
}

/** Jiffies of all cores, and of this process with the children it has waited for; undefined where there is no /proc. */
export function jiffies(): { total: number; busy: number; own: number } | undefined {
  try {
    const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n');
    const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = line
      .split(/\s+/)
      .slice(1)
      .map(Number);
    const busy = user + nice + system + irq + softirq + steal;
    // Behind the command's name, which may hold spaces: utime, stime, cutime, cstime are fields 14 to 17.
    const fields = readFileSync('/proc/self/stat', 'latin1').split(') ')[1]?.split(' ') ?? [];
    const own = [11, 12, 13, 14].reduce((sum, i) => sum + Number(fields[i] ?? 0), 0);
    return { total: busy + idle + iowait, busy, own };
  } catch {
    return undefined;
  }
}

/** Share of the machine that others used between two looks, from 0 to 1; undefined: unknown. */
export function otherShare(before: ReturnType<typeof jiffies>, after: ReturnType<typeof jiffies>): number | undefined {
  if (before === undefined || after === undefined || after.total === before.total) return undefined;
  const others = after.busy - before.busy - (after.own - before.own);
  return Math.max(0, others / (after.total - before.total));
}
