import { spawn } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Exit, ofProcess, Refusal, runCommand } from '../../eventing/command.ts';
import { cpuSeconds, machineSeconds, memoryMiB } from './processes.ts';
import { median, report, type Run, type Window } from './report.ts';
import { root, type Running, type System, systems } from './systems.ts';

const help = `npm run bench -- [--quick] [--repeats N] [--seconds S] [--out FILE] [--json] [SYSTEM …]

Measures systems side by side with one load generator on loopback, and prints ratios to the first one.

  SYSTEM        ${Object.keys(systems).join(', ')} (default: all that are installed)
  --quick       one repeat of 2 s, fewer loads
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

type Load = { label: string; options: Record<string, unknown> };

function plan(system: System, quick: boolean): Load[] {
  const clients = quick ? [1, 64] : [1, 8, 64, 256];
  const loads: Load[] = clients.map((c) => ({ label: `misses, ${c} clients`, options: { c } }));
  if (system.cached) {
    loads.push({ label: 'fill', options: { c: 8, warm: true, seconds: 3 } });
    for (const c of quick ? [64] : [1, 64])
      loads.push({ label: `90 % hits, ${c} clients`, options: { c, traffic: 'zipf' } });
  }
  if (system.protocol === 'teams' && system.lists)
    for (const fixtures of [380, 1000])
      loads.push({ label: `lists of ${fixtures}, 1 client`, options: { c: 1, protocol: 'list', fixtures } });
  return system.protocol === 'get'
    ? [{ label: 'hello, 64 clients', options: { c: 64, traffic: 'get' } }]
    : loads;
}

/** One window of load: the generator's figures, with the CPU of every part of the system and of the rest of the machine. */
async function measure(
  system: System,
  running: Running,
  load: Load,
  { first, seconds }: { first: number; seconds: number },
): Promise<Window> {
  const before = { machine: machineSeconds(), system: cpuSeconds(running.pids()), time: performance.now() };
  const options = {
    url: running.url,
    protocol: system.protocol,
    teams: path.join(root, 'model/registry/match-outcome/1/teams.json'),
    first,
    seconds,
    ...load.options,
  };
  const generated = await generator(options);
  const took = (performance.now() - before.time) / 1000;
  const used = cpuSeconds(running.pids()) - before.system;
  const foreign = (machineSeconds() - before.machine - used) / took - generated.generatorCpu;
  const perAnswer = load.options['protocol'] === 'list' ? Number(load.options['fixtures']) : 1;
  return {
    label: load.label,
    perSecond: generated.perSecond * perAnswer,
    p50: generated.p50 ?? NaN,
    p99: generated.p99 ?? NaN,
    cpuPer1000: (used / Math.max(1, generated.ok * perAnswer)) * 1000,
    memory: memoryMiB(running.pids()),
    foreign,
    sent: generated.sent,
    failed:
      Object.values(generated.errors).reduce((sum, n) => sum + n, 0) +
      generated.unanswered +
      generated.badAnswers,
  };
}

type Generated = {
  perSecond: number;
  p50: number | null;
  p99: number | null;
  ok: number;
  sent: number;
  errors: Record<string, number>;
  unanswered: number;
  badAnswers: number;
  generatorCpu: number;
};

function generator(options: object): Promise<Generated> {
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

async function once(name: string, system: System, { quick, seconds }: Scope): Promise<Run> {
  const at = performance.now();
  const running = await system.start();
  try {
    const startSeconds = (performance.now() - at) / 1000;
    await wait(1000); // what a start leaves behind (imports, JIT) belongs to no window
    const idleMemory = memoryMiB(running.pids());
    await measure(
      system,
      running,
      { label: 'warm up', options: { ...plan(system, quick)[0]?.options, c: 8, seconds: 2 } },
      { first: 80_000, seconds },
    );
    const windows: Window[] = [];
    let first = 0;
    for (const load of plan(system, quick)) {
      const window = await measure(system, running, load, { first, seconds });
      first += 20_000;
      if (load.label !== 'fill') windows.push(window);
      progress(
        `${name}: ${load.label}: ${window.perSecond.toFixed(0)}/s, p50 ${window.p50} ms, p99 ${window.p99} ms, failed ${window.failed}\n`,
      );
    }
    return { startSeconds, idleMemory, windows };
  } finally {
    await running.stop();
  }
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
  const runs = new Map<string, Run[]>();
  for (let repeat = 1; repeat <= repeats; repeat++)
    for (const name of positionals.length > 0 ? positionals : Object.keys(systems)) {
      const system = systems[name];
      if (!system) continue;
      const missing = await system.missing();
      if (missing !== undefined) {
        if (repeat === 1) command.complain(`${name} is skipped, ${missing}`);
        continue;
      }
      progress(`${name}: repeat ${repeat} of ${repeats}\n`);
      runs.set(name, [...(runs.get(name) ?? []), await once(name, system, scope)]);
    }
  const foreign = median(
    [...runs.values()].flat().flatMap(({ windows }) => windows.map((each) => each.foreign)),
  );
  const text = report(runs, {
    machine: `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), load ${loadavg()[0]?.toFixed(2) ?? '?'}, Node ${process.version}`,
    repeats,
    seconds: scope.seconds,
    foreign,
  });
  command.print(values.json ? JSON.stringify(Object.fromEntries(runs)) : text);
  if (values.out !== undefined) await writeFile(values.out, text);
  return 0;
});
