import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startArguments, startKickoff } from '../servers/kickoff.ts';
import type { Kickoff } from '../servers/kickoff.ts';
import { until } from '../until.ts';
import { alive } from './world.ts';

const root = path.resolve(import.meta.dirname, '../..');
const functions = ['ingress', 'predict', 'cache-write'];

/** Runs `npm start` to its end, which must come by itself. */
function runToItsEnd(env: Record<string, string>): { status: number | null; lines: string[] } {
  const { status, stdout, stderr } = spawnSync(process.execPath, startArguments, {
    cwd: root,
    env: { PATH: process.env['PATH'], ...env },
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, lines: `${stdout}${stderr}`.trim().split('\n') };
}

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

  test('is refused in one line on a state folder that another one uses', () => {
    const { status, lines } = runToItsEnd({ PORT: '0', KICKOFF_STATE: state });
    expect(status).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/is in use by another runtime \(pid \d+\)/);
  });

  test('is refused in one line on a port that something listens on, and leaves nothing that it made', async () => {
    const server = http.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = (server.address() as AddressInfo).port;
    const other = await mkdtemp(path.join(tmpdir(), 'kickoff-process-'));
    await writeFile(path.join(other, 'lock.db'), '');
    for (const folder of ['', 'new/state'])
      expect(runToItsEnd({ PORT: String(port), KICKOFF_STATE: path.join(other, folder) })).toEqual({
        status: 1,
        lines: [`port ${port} is in use: stop what listens there, or set PORT to another`],
      });
    server.close();
    expect(await readdir(other)).toEqual(['lock.db']);
    await rm(other, { recursive: true, force: true });
  });

  test.each([
    ['below a folder that takes none', '/proc/none/state'],
    ['in the place of a file', path.join(root, 'package.json')],
    ['with a name that is too long', path.join(root, '.absent', 'x'.repeat(300))],
  ])('is refused in one line with a state folder %s', (_, folder) => {
    const { status, lines } = runToItsEnd({ PORT: '0', KICKOFF_STATE: folder });
    expect(status).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      new RegExp(`^the state folder ${folder} cannot be used \\(.+\\): set KICKOFF_STATE to`),
    );
    expect(existsSync(path.join(root, '.absent'))).toBe(false);
  });

  test('is refused in one line with a PORT that is none', () => {
    expect(runToItsEnd({ PORT: 'eighty', KICKOFF_STATE: state })).toEqual({
      status: 2,
      lines: ['PORT must be a port number'],
    });
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
