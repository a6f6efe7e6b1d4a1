import { spawn } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { setTimeout as wait } from 'node:timers/promises';
import { cpuSeconds, machineSeconds, memoryMiB } from './processes.ts';
import { median, report, type Run, type Window } from './report.ts';
import { root, type Running, type System, systems } from './systems.ts';

const help = `npm run bench -- [--quick] [--repeats N] [--seconds S] [--out FILE] [system …]
Measures systems side by side with one load generator on loopback, and prints ratios to the first one.
systems: ${Object.keys(systems).join(', ')} (default: all that are installed)`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean', short: 'h', default: false },
    quick: { type: 'boolean', default: false },
    repeats: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    out: { type: 'string' },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}
const unknown = positionals.filter((name) => !(name in systems));
if (unknown.length > 0) {
  console.error(`no such system: ${unknown.join(', ')}\n${help}`);
  process.exit(2);
}
const repeats = values.quick ? 1 : Number(values.repeats);
const seconds = values.quick ? 2 : Number(values.seconds);
const names = positionals.length > 0 ? positionals : Object.keys(systems);

type Load = { label: string; options: Record<string, unknown> };

function plan(system: System): Load[] {
  const clients = values.quick ? [1, 64] : [1, 8, 64, 256];
  const loads: Load[] = clients.map((c) => ({ label: `misses, ${c} clients`, options: { c } }));
  if (system.cached) {
    loads.push({ label: 'fill', options: { c: 8, warm: true, seconds: 3 } });
    for (const c of values.quick ? [64] : [1, 64])
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
async function measure(system: System, running: Running, load: Load, first: number): Promise<Window> {
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

async function once(name: string, system: System): Promise<Run> {
  const at = performance.now();
  const running = await system.start();
  try {
    const startSeconds = (performance.now() - at) / 1000;
    await wait(1000); // what a start leaves behind (imports, JIT) belongs to no window
    const idleMemory = memoryMiB(running.pids());
    await measure(
      system,
      running,
      { label: 'warm up', options: { ...plan(system)[0]?.options, c: 8, seconds: 2 } },
      80_000,
    );
    const windows: Window[] = [];
    let first = 0;
    for (const load of plan(system)) {
      const window = await measure(system, running, load, first);
      first += 20_000;
      if (load.label !== 'fill') windows.push(window);
      process.stderr.write(
        `${name}: ${load.label}: ${window.perSecond.toFixed(0)}/s, p50 ${window.p50} ms, p99 ${window.p99} ms, failed ${window.failed}\n`,
      );
    }
    return { startSeconds, idleMemory, windows };
  } finally {
    await running.stop();
  }
}

const runs = new Map<string, Run[]>();
for (let repeat = 1; repeat <= repeats; repeat++)
  for (const name of names) {
    const system = systems[name];
    if (!system) continue;
    const missing = await system.missing();
    if (missing !== undefined) {
      if (repeat === 1) console.error(`${name} is skipped, ${missing}`);
      continue;
    }
    process.stderr.write(`${name}: repeat ${repeat} of ${repeats}\n`);
    runs.set(name, [...(runs.get(name) ?? []), await once(name, system)]);
  }
const foreign = median(
  [...runs.values()].flat().flatMap(({ windows }) => windows.map((each) => each.foreign)),
);
const text = report(runs, {
  machine: `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), load ${loadavg()[0]?.toFixed(2) ?? '?'}, Node ${process.version}`,
  repeats,
  seconds,
  foreign,
});
console.log(text);
if (values.out !== undefined) await (await import('node:fs/promises')).writeFile(values.out, text);
