import { spawn } from 'node:child_process';
import path from 'node:path';
import { type Running, root } from './parts.ts';
import { cpuSeconds, machineSeconds, memoryMiB } from './processes.ts';

/** What one part of a system used in a window: CPU-seconds per 1000 predictions, and MiB (PSS) at its end. */
export type Use = { cpuPer1000: number; memory: number };

/** One window of load on one system. `foreign`: cores used by what belongs neither to the system nor to the load generator. */
export type Window = {
  label: string;
  /** Predictions. */
  perSecond: number;
  p50: number;
  p99: number;
  parts: ReadonlyMap<string, Use>;
  foreign: number;
  sent: number;
  failed: number;
  /** Fixtures that nobody had asked for before: the next window begins behind them. */
  used: number;
};

/** Options of `load.mjs` beyond the URL. */
export type Load = { label: string; options: Readonly<Record<string, unknown>> };

/** What `load.mjs` prints: rates in 1/s, times in ms, `generatorCpu` in cores. */
export type Generated = {
  perSecond: number;
  p50: number | null;
  p99: number | null;
  ok: number;
  sent: number;
  errors: Record<string, number>;
  unanswered: number;
  badAnswers: number;
  used: number;
  generatorCpu: number;
};

/** The sum over the parts of a system. */
export const inAll = ({ parts }: Pick<Window, 'parts'>, of: keyof Use): number =>
  [...parts.values()].reduce((sum, use) => sum + use[of], 0);

/** Puts a load on a system for its time, and reads the CPU of every part of it and of the rest of the machine. */
export async function measure(running: Running, { label, options }: Load): Promise<Window> {
  const before = { machine: machineSeconds(), time: performance.now(), cpu: cpuByPart(running) };
  const generated = await generate({
    ...{ url: running.url, teams: path.join(root, 'model/registry/match-outcome/1/teams.json') },
    ...options,
  });
  const took = (performance.now() - before.time) / 1000;
  const perAnswer = options['protocol'] === 'list' ? Number(options['fixtures']) : 1;
  const predictions = Math.max(1, generated.ok * perAnswer);
  const parts = new Map<string, Use>();
  let used = 0;
  for (const [name, pids] of running.parts()) {
    const cpu = cpuSeconds(pids) - (before.cpu.get(name) ?? 0);
    used += cpu;
    parts.set(name, { cpuPer1000: (cpu / predictions) * 1000, memory: memoryMiB(pids) });
  }
  const errors = Object.values(generated.errors).reduce((sum, n) => sum + n, 0);
  return {
    label,
    perSecond: generated.perSecond * perAnswer,
    p50: generated.p50 ?? NaN,
    p99: generated.p99 ?? NaN,
    parts,
    foreign: (machineSeconds() - before.machine - used) / took - generated.generatorCpu,
    sent: generated.sent,
    failed: errors + generated.unanswered + generated.badAnswers,
    used: generated.used,
  };
}

function cpuByPart(running: Running): Map<string, number> {
  return new Map([...running.parts()].map(([name, pids]) => [name, cpuSeconds(pids)]));
}

/** Runs the load generator with these options (see load.mjs). Rejects when it fails. */
export function generate(options: object): Promise<Generated> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(root, 'test/bench/load.mjs'), JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 120_000,
    });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(out) as Generated);
      else reject(new Error(`the load generator ended with ${String(code)}: ${out}`));
    });
  });
}
