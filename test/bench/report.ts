import { inAll, type Window } from './window.ts';

/** `memoryAtZero`: MiB of what stays when a system has scaled down. */
export type Run = { startSeconds: number; idleMemory: number; windows: Window[]; memoryAtZero?: number };

export type Conditions = {
  machine: string;
  repeats: number;
  seconds: number;
  skipped: readonly string[];
};

const notMeasured = [
  '- A real network: client, servers and processes share the cores and talk over loopback.',
  '- A cluster: the local runtime stands for Knative, and its CPU is in the sums of Kickoff.',
  '- Open loop: in a closed loop a slow system is asked less, so latencies at the same number of clients are of different rates.',
  '- The same answer: a peer gives three probabilities, Kickoff also goals and markets, and keeps a ledger and a history.',
];

/** Cores: a window in which others used more is marked. */
const noisy = 0.3;

/** The middle value (the mean of the two middle ones for an even count); NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? NaN) + upper) / 2;
}

export const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

/** The median with the smallest and the largest of several values. */
export function spread(values: readonly number[]): string {
  if (values.length < 2) return digits(median(values));
  return `${digits(median(values))} [${digits(Math.min(...values))}–${digits(Math.max(...values))}]`;
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
export const table = (head: readonly string[], rows: readonly string[][]): string[] => [
  ...['', row(head), row(head.map(() => '---'))],
  ...rows.map(row),
];

/** Markdown: one table per load, a row per system with medians, spread and the ratio to the first system that ran it; then the parts of Kickoff. */
export function report(runs: ReadonlyMap<string, readonly Run[]>, conditions: Conditions): string {
  const { machine, repeats, seconds, skipped } = conditions;
  const every = [...runs.values()].flat().flatMap(({ windows }) => windows);
  const foreign = median(every.map((window) => window.foreign));
  const lines = [
    '# Side by side',
    '',
    `${machine}; ${repeats} repeats of ${seconds} s at most, medians [smallest–largest]; the load generator shares the machine.`,
    `Other processes used ${digits(foreign)} cores (median); \\* marks a load in which they used more than ${noisy}.${foreign > noisy ? ' **The machine was not quiet: read ratios and CPU, not latencies.**' : ''}`,
    ...skipped.map((line) => `\n${line}.`),
    ...table(
      ['system', 'start to first answer, s', 'idle memory, MiB', 'at zero, MiB'],
      [...runs].map(([name, all]) => {
        const zero = all.flatMap(({ memoryAtZero }) => memoryAtZero ?? []);
        return [
          name,
          spread(all.map((run) => run.startSeconds)),
          spread(all.map((run) => run.idleMemory)),
          zero.length > 0 ? spread(zero) : '',
        ];
      }),
    ),
  ];
  for (const label of new Set(every.map((window) => window.label))) {
    let base: number | undefined;
    const rows: string[][] = [];
    for (const [name, all] of runs) {
      const windows = all.flatMap((run) => run.windows.filter((each) => each.label === label));
      if (windows.length === 0) continue;
      const of = (what: (window: Window) => number): number[] => windows.map(what);
      const rate = median(of((each) => each.perSecond));
      base ??= rate;
      const sum = (what: 'failed' | 'sent'): number => of((each) => each[what]).reduce((a, b) => a + b, 0);
      rows.push([
        `${name}${median(of((each) => each.foreign)) > noisy ? ' \\*' : ''}`,
        spread(of((each) => each.perSecond)),
        digits(rate / base),
        spread(of((each) => each.p50)),
        spread(of((each) => each.p99)),
        spread(of((each) => inAll(each, 'cpuPer1000'))),
        spread(of((each) => inAll(each, 'memory'))),
        `${sum('failed')} of ${sum('sent')}`,
      ]);
    }
    const head = ['system', 'predictions/s', 'ratio', 'p50 ms', 'p99 ms', 'CPU-s per 1000', 'MiB'];
    lines.push('', `## ${label}`, ...table([...head, 'failed of sent'], rows));
  }
  for (const [name, all] of runs) {
    const windows = all.flatMap((run) => run.windows);
    const parts = [...new Set(windows.flatMap((window) => [...window.parts.keys()]))];
    if (parts.length < 2) continue;
    lines.push('', `## Where the CPU of ${name} goes`, '', 'CPU-s per 1000 predictions / MiB, medians.');
    lines.push(
      ...table(
        ['load', ...parts],
        [...new Set(windows.map(({ label }) => label))].map((label) => [
          label,
          ...parts.map((part) => {
            const uses = windows.flatMap((each) => (each.label === label && each.parts.get(part)) || []);
            const of = (what: 'cpuPer1000' | 'memory'): string =>
              digits(median(uses.map((use) => use[what])));
            return uses.length > 0 ? `${of('cpuPer1000')} / ${of('memory')}` : '';
          }),
        ]),
      ),
    );
  }
  lines.push('', '## Not measured', '', ...notMeasured);
  return `${lines.join('\n')}\n`;
}
