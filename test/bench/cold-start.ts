import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { startKickoff } from '../servers/kickoff.ts';

// Cold starts of the whole chain: the runtime is started anew for each, on one state folder (its compile cache stays, as for a user), and asked
// once. `node test/bench/cold-start.ts --runs 20`, behind `nice -n -20` where the machine has other work. The first run, which fills the compile
// cache, is shown apart.
const Status = v.object({
  functions: v.array(
    v.object({
      name: v.string(),
      url: v.string(),
      coldStarts: v.array(v.record(v.string(), v.union([v.string(), v.number()]))),
    }),
  ),
});

// Another fixture each time: what is cached would not wake predict.
const homes = [
  ...['Arsenal', 'Liverpool', 'Everton', 'Fulham', 'Wolves', 'Brighton', 'Brentford', 'Bournemouth'],
  ...['Newcastle', 'Crystal Palace', 'Aston Villa', 'Man United', 'Man City', 'Tottenham', 'West Ham'],
  ...['Leeds', 'Burnley', 'Sunderland', 'Leicester', 'Southampton', 'Ipswich', "Nott'm Forest", 'Norwich'],
];

const predictAlone = 'predict alone, spawned to ready';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '20' } } });
const state = await mkdtemp(path.join(tmpdir(), 'kickoff-cold-'));
const samples = new Map<string, number[]>();
const add = (name: string, ms: number): void => void samples.set(name, [...(samples.get(name) ?? []), ms]);

for (let run = 0; run <= Number(values.runs); run++) {
  const kickoff = await startKickoff(state, { LOG_LEVEL: 'info' });
  // The client is warm, and the runtime has done what it does behind its start.
  await (await fetch(`${kickoff.url}/local/status`)).text();
  const begin = performance.now();
  const response = await fetch(`${kickoff.url}/v1/predictions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ home: homes[run % homes.length], away: 'Chelsea' }),
  });
  await response.text();
  const chainMs = performance.now() - begin;
  if (response.status !== 200) throw new Error(`status ${response.status}\n${kickoff.output()}`);
  const { functions } = v.parse(Status, await (await fetch(`${kickoff.url}/local/status`)).json());
  if (run === 0) console.log(`first run, nothing compiled yet: ${chainMs.toFixed(0)} ms`);
  else {
    add('chain', chainMs);
    for (const { name, coldStarts } of functions) {
      const [phases = {}] = coldStarts;
      for (const [phase, ms] of Object.entries(phases))
        if (typeof ms === 'number') add(`${name} ${phase}`, ms);
      add(`${name} spawned to ready`, Number(phases['ready']) - Number(phases['spawned']));
    }
  }
  await kickoff.stop();
}

// Alone: cache-write, which it wakes when it starts, is there already.
for (let run = 0; run < Number(values.runs); run++) {
  const kickoff = await startKickoff(state, { LOG_LEVEL: 'info' });
  const named = async (
    name: string,
  ): Promise<v.InferOutput<typeof Status>['functions'][number] | undefined> =>
    v
      .parse(Status, await (await fetch(`${kickoff.url}/local/status`)).json())
      .functions.find((each) => each.name === name);
  for (const [name, path] of [
    ['cache-write', 'health/readiness'],
    ['predict', 'v1/model'],
  ] as const) {
    const response = await fetch(`${(await named(name))?.url}/${path}`);
    if (response.status !== 200) throw new Error(`${name}: status ${response.status}\n${kickoff.output()}`);
    await response.text();
  }
  const [phases = {}] = (await named('predict'))?.coldStarts ?? [];
  add(predictAlone, Number(phases['ready']) - Number(phases['spawned']));
  await kickoff.stop();
}
await rm(state, { recursive: true, force: true });

console.log(`${`ms, n=${values.runs}`.padEnd(32)}   median      p99      max`);
for (const [name, all] of samples) {
  all.sort((a, b) => a - b);
  const at = (share: number): string =>
    (all[Math.min(all.length - 1, Math.floor(share * all.length))] ?? NaN).toFixed(1).padStart(8);
  console.log(`${name.padEnd(32)} ${at(0.5)} ${at(0.99)} ${at(1)}`);
}
