import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { alive } from '../../alive.ts';
import { startKickoff } from '../../servers/kickoff.ts';
import type { Kickoff } from '../../servers/kickoff.ts';
import { listening, loopback } from '../../servers/listening.ts';
import { until } from '../../until.ts';

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
    // Cache-write comes with the event, behind the answer.
    await until(() => functions.every((name) => kickoff.pids(name).length === 1), { what: 'all three run' });
    await until(() => functions.every((name) => kickoff.output().includes(`${name}-00001 cold start`)));
    expect(kickoff.output()).toMatch(
      /predict-00001 cold start [\d.]+ ms: spawned [\d.]+, listening [\d.]+, model fetched [\d.]+, session ready [\d.]+, warmed [\d.]+, ready [\d.]+, first answer [\d.]+/,
    );
  });

  test('listens on loopback only, its functions too', async () => {
    expect((await ask('wait=10', 'Leeds')).status).toBe(200);
    const runtime = Number(readFileSync(path.join(state, 'runtime.pid'), 'utf8'));
    const addresses = [runtime, ...functions.flatMap((name) => kickoff.pids(name))].map(listening);
    // The front door, /local/, a port of each function's activator, the registry; one of each function itself.
    expect(addresses.map(({ length }) => length)).toEqual([6, 1, 1, 1]);
    expect(addresses.flat().filter((address) => !loopback.test(address))).toEqual([]);
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

  test('without a file descriptor left for a start it answers 503 with the reason, and lives', async () => {
    const other = path.join(state, 'other');
    const limited = await startKickoff(other, {});
    const { port } = new URL(limited.url);
    const pid = readFileSync(path.join(other, 'runtime.pid'), 'utf8');
    const allow = (files: number): void => void execFileSync('prlimit', ['--pid', pid, `--nofile=${files}:`]);
    onTestFinished(() => limited.stop());
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const get = async (target: string): Promise<string> => {
      const request = http.get({ host: '127.0.0.1', port, path: target, agent });
      const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
      return `${answer.statusCode ?? 0} ${(await answer.toArray()).join('')}`;
    };
    // Its connection is there before the others take what is left.
    expect(await get('/local/status')).toMatch(/^200/);
    const [, before = ''] = /Max open files +(\d+)/.exec(readFileSync(`/proc/${pid}/limits`, 'utf8')) ?? [];
    allow(readdirSync(`/proc/${pid}/fd`).length + 20);
    let refused = 0;
    const silent = Array.from({ length: 60 }, () =>
      net.connect(Number(port), '127.0.0.1').on('close', () => refused++),
    );
    await until(() => refused > 20, { what: 'connections find none left' });
    expect(await get('/v1/leagues')).toMatch(/^503 .*ingress-00001 was not started: .*EMFILE/);
    for (const socket of silent) socket.destroy();
    allow(Number(before));
    await until(async () => (await get('/v1/leagues')).startsWith('200'), { deadline: 20_000 });
    agent.destroy();
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
