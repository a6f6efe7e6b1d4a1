import { cpus, loadavg } from 'node:os';
import { writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { type Exit, ofProcess, Refusal, runCommand } from '../../eventing/commands/command.ts';
import { until } from '../until.ts';
import type { Running } from './parts.ts';
import { memoryMiB } from './processes.ts';
import { report, type Run } from './report.ts';
import { type System, systems } from './systems.ts';
import { inAll, type Load, measure, type Window } from './window.ts';

const help = `npm run bench -- [--quick] [--repeats N] [--seconds S] [--out FILE] [--json] [SYSTEM …]

Measures systems side by side with one load generator on loopback, and prints ratios to the first one.

  SYSTEM        ${Object.keys(systems).join(', ')} (default: all that are installed)
  --quick       one repeat of 2 s, fewer loads: 3 minutes at most
  --repeats N   runs of each system (default 3)
  --seconds S   length of a window of load (default 4)
  --out FILE    writes the report there too
  --json        every window of every run as JSON

Exit code: 0 measured, 1 a system failed, 2 wrong usage.`;

const options = {
  quick: { type: 'boolean', default: false },
  repeats: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '4' },
  out: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

/** How much is measured: `quick` takes fewer loads, `seconds` is the length of a window. */
type Scope = { quick: boolean; seconds: number };

/** The most fixtures of one window that nobody asked for before: there are 97,540 for all windows of a system. A window ends with them. */
const most = { warmUp: 12_000, misses: 20_000, lists: 9000 };
/** Label of a load that is only there for those that follow. */
const unmeasured = 'fill';

/** By number of clients: a load is measured with the replicas that its own clients need, not with those that more clients left behind. */
function plan({ protocol, cached, lists }: System, quick: boolean): Load[] {
  const loads: Load[] = [];
  for (const c of quick ? [1, 64] : [1, 8, 64, 256]) {
    const load = (label: string, options: Load['options']): void =>
      void loads.push({
        label: `${label}, ${c} client${c === 1 ? '' : 's'}`,
        options: { protocol, c, ...options },
      });
    const busy = c >= 64;
    if (protocol === 'get') {
      if (busy) load('hello', { traffic: 'get' });
      continue;
    }
    // Keeps what is asked again later, and lets the autoscaler see the clients.
    if (cached && (c === 1 || c === 256)) load(unmeasured, { c: Math.max(c, 64), warm: true, seconds: 8 });
    load('misses', cached ? { most: most.misses } : {});
    if (cached && (c === 64 || (c === 1 && !quick))) load('90 % hits', { traffic: 'zipf' });
    if (cached && busy) load('hits', { warm: true });
    if (lists && c === 1)
      for (const fixtures of [380, 1000])
        load(`lists of ${fixtures}`, { protocol: 'list', fixtures, most: most.lists });
  }
  return loads;
}

async function once(
  name: string,
  system: System,
  { quick, seconds }: Scope,
  { untilZero, note }: { untilZero: boolean; note: (line: string) => void },
): Promise<Run> {
  const at = performance.now();
  const running = await system.start();
  try {
    const startSeconds = (performance.now() - at) / 1000;
    await wait(1000); // what a start leaves behind (imports, JIT) belongs to no window
    const idleMemory = memoryMiB([...running.parts().values()].flat());
    const loads = plan(system, quick);
    // Compiled by the JIT, and scaled out, before anything counts.
    const busy = loads.find(({ label }) => label.includes('64 clients'));
    let first = 0;
    const window = async ({ label, options }: Load): Promise<Window> => {
      const measured = await measure(running, { label, options: { first, seconds, ...options } });
      // What keeps no answers may be asked again.
      if (system.cached) first += measured.used;
      return measured;
    };
    await window({ label: 'warm up', options: { ...busy?.options, most: most.warmUp } });
    // Again, with few misses where answers are kept.
    const known = system.cached ? { traffic: 'zipf' } : {};
    await window({ label: 'warm up', options: { ...busy?.options, ...known } });
    const windows: Window[] = [];
    for (const load of loads) {
      const { label } = load;
      const measured = await window(load);
      if (measured.sent === 0) note(`${name} was not asked for ${label}: no fixture was left that is new`);
      else if (!label.startsWith(unmeasured)) windows.push(measured);
      const { perSecond, p50, p99, failed } = measured;
      progress(
        `${name}: ${label}: ${perSecond.toFixed(0)}/s, p50 ${p50} ms, p99 ${p99} ms, ${inAll(measured, 'cpuPer1000').toFixed(3)} CPU-s per 1000, failed ${failed}\n`,
      );
    }
    const run = { startSeconds, idleMemory, windows };
    return untilZero ? { ...run, memoryAtZero: await atZero(running) } : run;
  } finally {
    await running.stop();
  }
}

/** MiB of Kickoff's runtime alone, once the last function has gone: 60 s without a request and 30 s of grace. */
async function atZero(running: Running): Promise<number> {
  const functions = ['ingress', 'predict', 'cache-write'];
  await until(() => !functions.some((name) => running.parts().has(name)), {
    deadline: 240_000,
    what: 'every function has scaled to zero',
  });
  await wait(1000); // the runtime has yet to see that the process is gone, and gives memory back then
  return memoryMiB(running.parts().get('runtime') ?? []);
}

/** What is being measured, for who watches: on a terminal only. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(text);
}

function atLeastOne(option: string, text: string): number {
  const value = Number(text);
  if (!(value >= 1)) throw new Refusal(`--${option} ${text}: must be a number from 1 on\n(see --help)`);
  return value;
}

const command = ofProcess();
const frame = { help, options, words: Object.keys(systems).length };
process.exitCode = await runCommand(command, frame, async ({ values, positionals }): Promise<Exit> => {
  const unknown = positionals.filter((name) => !(name in systems));
  if (unknown.length > 0) throw new Refusal(`no such system: ${unknown.join(', ')}\n(see --help)`);
  const repeats = values.quick ? 1 : atLeastOne('repeats', values.repeats);
  const scope = { quick: values.quick, seconds: values.quick ? 2 : atLeastOne('seconds', values.seconds) };
  const skipped = new Set<string>();
  const runs = new Map<string, Run[]>();
  for (let repeat = 1; repeat <= repeats; repeat++)
    for (const name of positionals.length > 0 ? positionals : Object.keys(systems)) {
      const system = systems[name];
      if (!system) continue;
      const missing = await system.missing();
      if (missing !== undefined) {
        if (repeat === 1) command.complain(`${name} is skipped, ${missing}`);
        skipped.add(`${name} is skipped, ${missing}`);
        continue;
      }
      progress(`${name}: repeat ${repeat} of ${repeats}\n`);
      const untilZero = system.scalesToZero && repeat === repeats && !values.quick;
      const note = (line: string): void => void skipped.add(line);
      runs.set(name, [...(runs.get(name) ?? []), await once(name, system, scope, { untilZero, note })]);
    }
  const text = report(runs, {
    machine: `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), load ${loadavg()[0]?.toFixed(2) ?? '?'}, Node ${process.version}`,
    ...{ repeats, seconds: scope.seconds, skipped: [...skipped] },
  });
  command.print(values.json ? json(runs) : text);
  if (values.out !== undefined) await writeFile(values.out, text);
  return 0;
});

function json(runs: ReadonlyMap<string, readonly Run[]>): string {
  return JSON.stringify(Object.fromEntries(runs), (_, value: unknown) =>
    value instanceof Map ? Object.fromEntries<unknown>(value) : value,
  );
}
