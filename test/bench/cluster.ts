import { cpus, loadavg } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Exit, ofProcess, Refusal, runCommand } from '../../eventing/commands/command.ts';
import { root } from './parts.ts';
import { machineSeconds } from './processes.ts';
import { digits, median, spread, table } from './report.ts';
import { type Generated, generate } from './window.ts';

const help = `node test/bench/cluster.ts [--rounds N] [--seconds S] NAME=URL[@HOST] …

Measures installations on a cluster of this machine in turns, through its gateway: hits and misses with 1 and 64 clients. Prints medians, spread,
and ratios to the first one. CPU is that of the whole machine but the load generator: functions, gateway, Knative, Kubernetes.

  NAME=URL[@HOST]  an address, such as kickoff=http://10.77.0.1:31390@predictions.example.org. A name that begins with "original" speaks the protocol of
                   the stack that Kickoff replaces: POST /predict with 24 features.
  --rounds N       rounds, each system once in each (default 3)
  --seconds S      length of a window (default 8)

Exit code: 0 measured, 1 a request failed, 2 wrong usage.`;

const options = {
  rounds: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '8' },
} as const;

type Installation = { name: string; options: Record<string, unknown>; first: number };
type Measured = Pick<Generated, 'perSecond' | 'ok' | 'sent'> & {
  p50: number;
  p99: number;
  cpuMs: number;
};

const loads = [
  { label: 'miss, 1 client', c: 1, warm: false },
  { label: 'hit, 1 client', c: 1, warm: true },
  { label: 'misses, 64 clients', c: 64, warm: false },
  { label: 'hits, 64 clients', c: 64, warm: true },
];

const teams = path.join(root, 'model/registry/match-outcome/1/teams.json');

function parse(text: string): Installation {
  const [, name = '', url = '', host] = /^([\w-]+)=(http:\/\/[^@]+)(?:@(.+))?$/.exec(text) ?? [];
  if (name === '') throw new Refusal(`${text}: must be NAME=http://address[:port][@host]\n(see --help)`);
  const original = name.startsWith('original');
  return {
    name,
    // Another place for each run of this command: the fixtures of the one before are cached.
    first: Math.floor(Math.random() * 40_000),
    options: {
      ...{ url: new URL(original ? '/predict' : '/v1/predictions', url).href, teams },
      ...{ protocol: original ? 'native' : 'teams', ...(host === undefined ? {} : { host }) },
    },
  };
}

async function measure(one: Installation, c: number, warm: boolean, seconds: number): Promise<Measured> {
  const before = { cpu: machineSeconds(), time: performance.now() };
  const { first } = one;
  const got = await generate({ ...one.options, c, warm, first, seconds, seed: Date.now() % 1e9 });
  const took = (performance.now() - before.time) / 1000;
  one.first += got.used;
  const cpu = machineSeconds() - before.cpu - got.generatorCpu * took;
  const { perSecond, ok, sent, p50, p99 } = got;
  return { perSecond, ok, sent, p50: p50 ?? NaN, p99: p99 ?? NaN, cpuMs: (cpu / Math.max(1, ok)) * 1000 };
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!(value >= 1)) throw new Refusal(`--${option} ${text}: must be a number from 1 on\n(see --help)`);
  return value;
}

const command = ofProcess();
process.exitCode = await runCommand(
  command,
  { help, options, words: 8 },
  async ({ values, positionals }): Promise<Exit> => {
    const rounds = positive('rounds', values.rounds);
    const seconds = positive('seconds', values.seconds);
    const all = positionals.map(parse);
    if (all.length === 0) throw new Refusal('name an installation\n(see --help)');
    const windows = new Map<string, Measured[]>();
    let failed = 0;
    for (const one of all) {
      process.stderr.write(`${one.name}: warm up\n`);
      await measure(one, 64, false, seconds);
      await measure(one, 64, true, 2);
    }
    for (let round = 1; round <= rounds; round++)
      for (const one of all)
        for (const { label, c, warm } of loads) {
          await wait(500); // what the last window left behind
          const window = await measure(one, c, warm, seconds);
          failed += window.sent - window.ok;
          const { perSecond, p50, p99, cpuMs } = window;
          process.stderr.write(
            `round ${round} of ${rounds}, ${one.name}, ${label}: ${digits(perSecond)}/s, p50 ${digits(p50)} ms, p99 ${digits(p99)} ms, ${digits(cpuMs)} ms of CPU each\n`,
          );
          const key = `${one.name}\n${label}`;
          windows.set(key, [...(windows.get(key) ?? []), window]);
        }
    const of = (name: string, label: string, what: keyof Measured): number[] =>
      (windows.get(`${name}\n${label}`) ?? []).map((window) => window[what]);
    const rows = loads.flatMap(({ label }) =>
      all.map(({ name }) => [
        ...[label, name, spread(of(name, label, 'perSecond'))],
        digits(median(of(name, label, 'perSecond')) / median(of(all[0]?.name ?? '', label, 'perSecond'))),
        ...(['p50', 'p99', 'cpuMs'] as const).map((what) => spread(of(name, label, what))),
      ]),
    );
    const head = ['load', 'system', 'per second', 'ratio', 'p50, ms', 'p99, ms', 'CPU each, ms'];
    const machine = `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), load ${loadavg()[0]?.toFixed(2) ?? '?'}`;
    command.print(
      [
        `${machine}; ${rounds} rounds in turns, windows of ${seconds} s, medians [smallest–largest]; the load generator shares the machine. Failed: ${failed}.`,
        ...table(head, rows),
      ].join('\n'),
    );
    return failed === 0 ? 0 : 1;
  },
);
