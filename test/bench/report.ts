/** One window of load on one system. `cpuPer1000`: CPU-seconds per 1000 predictions, of all parts; `foreign`: cores used by others. */
export type Window = {
  label: string;
  perSecond: number;
  p50: number;
  p99: number;
  cpuPer1000: number;
  /** MiB (PSS) under load. */
  memory: number;
  foreign: number;
  sent: number;
  failed: number;
};

export type Run = { startSeconds: number; idleMemory: number; windows: Window[] };

export type Conditions = { machine: string; repeats: number; seconds: number; foreign: number };

/** The middle value (the mean of the two middle ones for an even count); NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? NaN) + upper) / 2;
}

const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

function spread(values: readonly number[]): string {
  return `${digits(median(values))} [${digits(Math.min(...values))}–${digits(Math.max(...values))}]`;
}

/** Markdown: one table per load, a row per system with medians, spread and the ratio to the first system that ran it. */
export function report(runs: ReadonlyMap<string, readonly Run[]>, conditions: Conditions): string {
  const lines = [
    '# Side by side',
    '',
    `${conditions.machine}; ${conditions.repeats} repeats of ${conditions.seconds} s, medians [smallest–largest]; the load generator shares the machine.`,
    `Other processes used ${digits(conditions.foreign)} cores (median).${conditions.foreign > 0.3 ? ' **The machine was not quiet: read ratios and CPU, not latencies.**' : ''}`,
    '',
    '| system | start to first answer, s | idle memory, MiB |',
    '|---|---|---|',
    ...[...runs].map(
      ([name, all]) =>
        `| ${name} | ${spread(all.map((run) => run.startSeconds))} | ${spread(all.map((run) => run.idleMemory))} |`,
    ),
  ];
  const labels = new Set([...runs.values()].flatMap(([run]) => run?.windows.map(({ label }) => label) ?? []));
  for (const label of labels) {
    lines.push('', `## ${label}`, '');
    lines.push(
      '| system | predictions/s | ratio | p50 ms | p99 ms | CPU-s per 1000 | MiB | failed of sent |',
    );
    lines.push('|---|---|---|---|---|---|---|---|');
    let base: number | undefined;
    for (const [name, all] of runs) {
      const windows = all.flatMap((run) => run.windows.filter((each) => each.label === label));
      if (windows.length === 0) continue;
      const rate = median(windows.map((each) => each.perSecond));
      base ??= rate;
      const column = (key: 'perSecond' | 'p50' | 'p99' | 'cpuPer1000' | 'memory'): string =>
        spread(windows.map((each) => each[key]));
      const sum = (key: 'failed' | 'sent'): number => windows.reduce((total, each) => total + each[key], 0);
      lines.push(
        `| ${name} | ${column('perSecond')} | ${digits(rate / base)} | ${column('p50')} | ${column('p99')} | ${column('cpuPer1000')} | ${column('memory')} | ${sum('failed')} of ${sum('sent')} |`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}
