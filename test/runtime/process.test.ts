import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startKickoff } from '../servers/kickoff.ts';
import type { Kickoff } from '../servers/kickoff.ts';
import { until } from '../until.ts';
import { alive } from './world.ts';

const functions = ['ingress', 'predict', 'cache-write'];

describe('the runtime as its user starts it', () => {
  let state: string;
  let kickoff: Kickoff;
  beforeAll(async () => {
    state = await mkdtemp(path.join(tmpdir(), 'kickoff-process-'));
    kickoff = await startKickoff(state, {});
  });
  afterAll(async () => {
    await kickoff.stop();
    await rm(state, { recursive: true, force: true });
  });
  const ask = (prefer: string, away: string): Promise<Response> =>
    fetch(`${kickoff.url}/v1/predictions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer },
      body: JSON.stringify({ home: 'Arsenal', away }),
    });

  test('answers from zero, and prints the phases of each cold start', async () => {
    expect(functions.flatMap((name) => kickoff.pids(name))).toEqual([]);
    expect((await ask('wait=10', 'Chelsea')).status).toBe(200);
    expect(functions.map((name) => kickoff.pids(name).length)).toEqual([1, 1, 1]);
    await until(() => functions.every((name) => kickoff.output().includes(`${name}-00001 cold start`)));
    expect(kickoff.output()).toMatch(
      /predict-00001 cold start [\d.]+ ms: spawned [\d.]+, listening [\d.]+, model fetched [\d.]+, session ready [\d.]+, warmed [\d.]+, ready [\d.]+, first answer [\d.]+/,
    );
  });

  test('killed with work in flight: no function survives it, and what was accepted is answered after a restart', async () => {
    const teams = ['Liverpool', 'Everton', 'Fulham', 'Brentford', 'Newcastle'];
    const accepted = await Promise.all(
      teams.map(async (team) => {
        const answer = await ask('respond-async', team);
        expect(answer.status).toBe(202);
        return answer.headers.get('location') ?? '';
      }),
    );
    const pids = functions.flatMap((name) => kickoff.pids(name));
    expect(pids.length).toBeGreaterThan(0);
    await kickoff.kill('SIGKILL');
    await until(() => !pids.some(alive), { deadline: 5000, what: 'the functions end with the runtime' });
    await kickoff.start();
    for (const location of accepted)
      await until(
        async () => {
          const answer = (await (await fetch(`${kickoff.url}${location}`)).json()) as { status: string };
          return answer.status === 'done';
        },
        { deadline: 20_000, what: `${location} is done` },
      );
  });

  test('Ctrl-C leaves no process and no listener behind', async () => {
    expect((await ask('wait=10', 'Leeds')).status).toBe(200);
    const pids = functions.flatMap((name) => kickoff.pids(name));
    await kickoff.stop();
    expect(pids.filter(alive)).toEqual([]);
    await expect(fetch(`${kickoff.url}/local/status`)).rejects.toThrow('fetch failed');
    await kickoff.start();
  });
});
