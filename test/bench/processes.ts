import { readdirSync, readFileSync } from 'node:fs';

// USER_HZ is 100 on every Linux that Node runs on.
const ticksPerSecond = 100;

type Stat = { parent: number; own: number; reaped: number };

function stat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command, in parentheses, may hold spaces.
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const at = (index: number): number => fields[index] ?? 0;
    return {
      parent: at(1),
      own: (at(11) + at(12)) / ticksPerSecond,
      reaped: (at(13) + at(14)) / ticksPerSecond,
    };
  } catch {
    return undefined;
  }
}

/** The pids of these processes and of all that they started, as they are now. */
export function tree(roots: readonly number[]): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? stat(Number(name))?.parent : undefined;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found: number[] = [];
  const open = [...roots];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    found.push(pid);
    open.push(...(children.get(pid) ?? []));
  }
  return found;
}

/** An environment variable of a process. */
export function variable(pid: number, name: string): string | undefined {
  try {
    const pairs = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
  } catch {
    return undefined;
  }
}

/** CPU seconds of processes so far, with those of their children that have ended. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const found = stat(pid);
    return found ? sum + found.own + found.reaped : sum;
  }, 0);
}

/** MiB of memory of processes (PSS: a shared page counts once, split among who shares it). */
export function memoryMiB(pids: readonly number[]): number {
  const kib = pids.reduce((sum, pid) => {
    try {
      return sum + Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {
      return sum;
    }
  }, 0);
  return Math.round(kib / 1024);
}

/** CPU seconds that the whole machine has been busy since it booted, all cores together. */
export function machineSeconds(): number {
  const [user, nice, system, , , irq, softirq] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '')
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return ((user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softirq ?? 0)) / ticksPerSecond;
}
