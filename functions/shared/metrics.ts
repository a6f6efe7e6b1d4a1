type Labels = Readonly<Record<string, string>>;

/** Counters, histograms and states in the text format of Prometheus 0.0.4. */
export type Metrics = {
  count(name: string, labels?: Labels, by?: number): void;
  /** Seconds, into buckets. */
  observe(name: string, seconds: number, labels?: Labels): void;
  /** A gauge of a state: 1 with the labels that `read` gives at each scrape, 0 without labels while it gives none. */
  state(name: string, read: () => Labels | undefined): void;
  text(): string;
};

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

/** Metrics of one process. `help` names each of them; any other name is a mistake and throws. */
export function createMetrics(help: Readonly<Record<string, string>>): Metrics {
  const counters = new Map<string, Map<string, number>>();
  const histograms = new Map<string, Map<string, { counts: number[]; sum: number; total: number }>>();
  const states = new Map<string, () => Labels | undefined>();
  const known = (name: string): void => {
    if (!(name in help)) throw new Error(`metric ${name} has no help text`);
  };
  const labelled = (labels: Labels): string => {
    let text = '';
    for (const name in labels) text += `${text && ','}${name}="${labels[name]?.replace(/["\\\n]/g, '_')}"`;
    return text;
  };
  const braces = (labels: string): string => (labels === '' ? '' : `{${labels}}`);

  return {
    count(name, labels = {}, by = 1) {
      known(name);
      const series = counters.get(name) ?? new Map<string, number>();
      counters.set(name, series);
      const key = labelled(labels);
      series.set(key, (series.get(key) ?? 0) + by);
    },
    observe(name, seconds, labels = {}) {
      known(name);
      const series =
        histograms.get(name) ?? new Map<string, { counts: number[]; sum: number; total: number }>();
      histograms.set(name, series);
      const key = labelled(labels);
      const one = series.get(key) ?? { counts: buckets.map(() => 0), sum: 0, total: 0 };
      series.set(key, one);
      one.sum += seconds;
      one.total++;
      const place = buckets.findIndex((bound) => seconds <= bound);
      if (place >= 0) one.counts[place] = (one.counts[place] ?? 0) + 1;
    },
    state(name, read) {
      known(name);
      states.set(name, read);
    },
    text() {
      const lines: string[] = [];
      for (const [name, series] of counters) {
        lines.push(`# HELP ${name} ${help[name] ?? ''}`, `# TYPE ${name} counter`);
        for (const [labels, value] of series) lines.push(`${name}${braces(labels)} ${value}`);
      }
      for (const [name, series] of histograms) {
        lines.push(`# HELP ${name} ${help[name] ?? ''}`, `# TYPE ${name} histogram`);
        for (const [labels, { counts, sum, total }] of series) {
          const comma = labels === '' ? '' : ',';
          let below = 0;
          for (const [place, bound] of buckets.entries()) {
            below += counts[place] ?? 0;
            lines.push(`${name}_bucket{${labels}${comma}le="${bound}"} ${below}`);
          }
          lines.push(`${name}_bucket{${labels}${comma}le="+Inf"} ${total}`);
          lines.push(`${name}_sum${braces(labels)} ${sum}`, `${name}_count${braces(labels)} ${total}`);
        }
      }
      for (const [name, read] of states) {
        const labels = read();
        lines.push(`# HELP ${name} ${help[name] ?? ''}`, `# TYPE ${name} gauge`);
        lines.push(labels ? `${name}${braces(labelled(labels))} 1` : `${name} 0`);
      }
      return `${lines.join('\n')}\n`;
    },
  };
}
