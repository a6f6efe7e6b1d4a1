import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import type { ColdStartPhases } from '../../eventing/local/serving/cold-start.ts';
import { type RuntimeStatus, startRuntime } from '../../eventing/local/runtime.ts';
import { startKickoff } from '../servers/kickoff.ts';
import { until } from '../until.ts';
import { root } from './parts.ts';

// Cold starts, with their phases. `node test/bench/cold-start.ts --runs 20`, behind `nice -n -20` where the machine has other work. On one state
// folder: its compile cache stays, as for a user, and the run that fills it is shown apart.

const { values } = parseArgs({ options: { runs: { type: 'string', default: '20' } } });
const runs = Number(values.runs);
const folder = await mkdtemp(path.join(tmpdir(), 'kickoff-cold-'));
const state = path.join(folder, 'state');

// Another fixture each time: what is cached would not wake predict.
const homes = [
  ...['Arsenal', 'Liverpool', 'Everton', 'Fulham', 'Wolves', 'Brighton', 'Brentford', 'Bournemouth'],
  ...['Newcastle', 'Crystal Palace', 'Aston Villa', 'Man United', 'Man City', 'Tottenham', 'West Ham'],
  ...['Leeds', 'Burnley', 'Sunderland', 'Leicester', 'Southampton', 'Ipswich', "Nott'm Forest", 'Norwich'],
];

/** Asks the whole chain once; resolves with the milliseconds until its answer. */
async function ask(url: string, home: number, away: string): Promise<number> {
  const begin = performance.now();
  const response = await fetch(`${url}/v1/predictions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ home: homes[home % homes.length], away }),
  });
  await response.text();
  if (response.status !== 200) throw new Error(`status ${response.status}`);
  return performance.now() - begin;
}

type Samples = Map<string, number[]>;
const add = (samples: Samples, name: string, ms: number): void =>
  void samples.set(name, [...(samples.get(name) ?? []), ms]);

function addPhases(samples: Samples, { functions }: RuntimeStatus): void {
  for (const { name, coldStarts } of functions) {
    const phases: Partial<ColdStartPhases> = coldStarts.at(-1) ?? {};
    for (const [phase, ms] of Object.entries(phases))
      if (typeof ms === 'number') add(samples, `${name} ${phase}`, ms);
    add(samples, `${name} spawned to ready`, Number(phases.ready) - Number(phases.spawned));
  }
}

function print(title: string, samples: Samples): void {
  console.log(`\n${`${title}; ms, n=${runs}`.padEnd(44)}   median      p99      max`);
  for (const [name, all] of samples) {
    all.sort((a, b) => a - b);
    const at = (share: number): string =>
      (all[Math.min(all.length - 1, Math.floor(share * all.length))] ?? NaN).toFixed(1).padStart(8);
    console.log(`${name.padEnd(44)} ${at(0.5)} ${at(0.99)} ${at(1)}`);
  }
}

/** The first request after `npm start`: the runtime and its registry are cold too. */
async function afterStart(): Promise<void> {
  const samples: Samples = new Map();
  for (let run = 0; run <= runs; run++) {
    const kickoff = await startKickoff(state, { LOG_LEVEL: 'info' });
    // The client is warm, and the runtime has done what it does behind its start.
    await (await fetch(`${kickoff.url}/local/status`)).text();
    const ms = await ask(kickoff.url, run, 'Chelsea').catch((error: unknown) => {
      throw new Error(kickoff.output(), { cause: error });
    });
    if (run === 0) console.log(`first run, nothing compiled yet: ${ms.toFixed(0)} ms`);
    else {
      add(samples, 'chain', ms);
      addPhases(samples, (await (await fetch(`${kickoff.url}/local/status`)).json()) as RuntimeStatus);
    }
    await kickoff.stop();
  }
  print('runtime just started', samples);
}

/** The project with the shortest windows that Knative takes, so that its functions are soon at zero again. */
async function quickProject(): Promise<string> {
  const project = path.join(folder, 'project');
  await mkdir(project);
  for (const part of ['functions', 'eventing', 'model'])
    await symlink(path.join(root, part), path.join(project, part));
  await cp(path.join(root, 'manifests/base'), path.join(project, 'manifests/base'), { recursive: true });
  await writeFile(
    path.join(project, 'manifests/base/knative/config-autoscaler.yaml'),
    stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'config-autoscaler' },
      data: { 'stable-window': '6s', 'scale-to-zero-grace-period': '6s' },
    }),
  );
  return project;
}

/** Later ones: the functions were at zero again, and the runtime has run for a while. */
async function backFromZero(): Promise<void> {
  const chain: Samples = new Map();
  const alone: Samples = new Map();
  const runtime = await startRuntime({
    root: await quickProject(),
    port: 0,
    stateFolder: state,
    env: { PATH: process.env['PATH'], LOG_LEVEL: 'info' },
    log: () => undefined,
  });
  const atZero = (): Promise<boolean> =>
    until(() => runtime.status().functions.every(({ pids }) => pids.length === 0), {
      deadline: 60_000,
      what: 'the functions are at zero',
    });
  const get = async (name: string, route: string): Promise<void> => {
    const { url } = runtime.status().functions.find((each) => each.name === name) ?? {};
    const response = await fetch(`${url}${route}`);
    await response.text();
    if (response.status !== 200) throw new Error(`${name}: status ${response.status}`);
  };
  await ask(runtime.url, 0, 'Brighton');
  for (let run = 1; run <= runs; run++) {
    process.stderr.write(`\rback from zero: ${run} of ${runs}`);
    await atZero();
    add(chain, 'chain', await ask(runtime.url, run, 'Preston'));
    addPhases(chain, runtime.status());
    await atZero();
    await get('predict', '/v1/model');
    const status = runtime.status();
    addPhases(alone, { ...status, functions: status.functions.filter(({ name }) => name === 'predict') });
  }
  process.stderr.write('\n');
  await runtime.close(5000);
  print('back from zero', chain);
  print('predict alone, back from zero', alone);
}

try {
  await afterStart();
  await backFromZero();
} finally {
  await rm(folder, { recursive: true, force: true });
}
