import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { alive } from '../../alive.ts';
import { audit } from '../../../eventing/commands/audit.ts';
import { seeded, startLoad, statesOf } from '../../chaos/load.ts';
import { tick } from '../../chaos/system.ts';
import { type Kickoff, startKickoff } from '../../servers/kickoff.ts';
import { until } from '../../until.ts';

const functions = ['ingress', 'predict', 'cache-write'];

describe('npm start with nothing else', () => {
  const state = mkdtempSync(path.join(tmpdir(), 'kickoff-embedded-'));
  let kickoff: Kickoff;
  const running = (): number[] => functions.flatMap((name) => kickoff.pids(name));
  const ask = (body: object): Promise<Response> =>
    fetch(`${kickoff.url}/v1/predictions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  beforeAll(async () => {
    kickoff = await startKickoff(state, {});
  });
  afterAll(async () => {
    await kickoff.stop();
    rmSync(state, { recursive: true, force: true, maxRetries: 5 });
  });

  test('a second one on the same port, or the same state, says so in one line', async () => {
    const port = new URL(kickoff.url).port;
    const elsewhere = mkdtempSync(path.join(tmpdir(), 'kickoff-elsewhere-'));
    await expect(startKickoff(elsewhere, { PORT: port })).rejects.toThrow(
      new RegExp(`${port}.*in use|${port}`),
    );
    await expect(startKickoff(state, {})).rejects.toThrow(state);
    rmSync(elsewhere, { recursive: true, force: true });
  });

  test('answers the first request as soon as predict has it, and stores the event that travels through all three processes once', async () => {
    expect(running()).toEqual([]);
    const answer = (await (await ask({ home: 'Arsenal', away: 'Man Utd' })).json()) as {
      prediction: { away: string; probabilities: Record<string, number> };
      cached: boolean;
    };
    const { home = 0, draw = 0, away = 0 } = answer.prediction.probabilities;
    expect(home + draw + away).toBeCloseTo(1, 6);
    expect(answer).toMatchObject({ cached: false, prediction: { away: 'Manchester United' } });
    // The event comes behind the answer: nobody waits for the third process.
    for (const name of functions)
      await until(() => kickoff.pids(name).length === 1, { what: `${name} runs` });
    for (const phase of ['spawned', 'listening', 'ready', 'first answer'])
      await until(() => new RegExp(`predict-\\d+ cold start.*${phase}`).test(kickoff.output()), {
        what: `the phase ${phase} is printed`,
      });
  });

  test('kill -9 of the runtime under load: every accepted request ends in one result after the restart', async () => {
    const load = startLoad(kickoff.url, 40, seeded(3));
    await until(() => load.promised.size >= 60, { deadline: 60_000 });
    const before = running();
    await kickoff.kill('SIGKILL');
    // Who waits now is cut off; what was accepted is on the disk.
    await load.stop();
    await until(() => before.every((pid) => !alive(pid)), { deadline: 30_000, what: 'no process is left' });
    await kickoff.start();
    const states = await until(
      async () => {
        await tick(kickoff.url);
        const now = await statesOf(kickoff.url, load.promised.keys());
        return [...now.values()].every(({ status }) => status === 'done') ? now : undefined;
      },
      { deadline: 120_000, every: 500, what: 'every accepted request is done' },
    );
    expect(states.size).toBe(load.promised.size);
    // One that was accepted before its client was told so is in no promise. It ends all the same, perhaps by the sweep, which comes every five
    // minutes: here at once.
    const env = { STORE_URL: `sqlite:${path.join(state, 'store.db')}` };
    const counts = await until(
      async () => {
        await tick(kickoff.url);
        const printed: string[] = [];
        const print = (line: string): void => void printed.push(line);
        expect(await audit({ args: ['--json'], env, print, complain: print }), printed.join('\n')).toBe(0);
        const now = JSON.parse(printed.join('\n')) as { open: number };
        return now.open === 0 ? now : undefined;
      },
      { deadline: 60_000, every: 500, what: 'nothing that was accepted is open' },
    );
    expect(counts).toMatchObject({ failed: 0, clean: true });
  }, 240_000);

  test('Ctrl-C ends it with all that it started, at once enough', async () => {
    await ask({ home: 'Arsenal', away: 'Everton' });
    const before = running();
    expect(before.length).toBeGreaterThan(0);
    await kickoff.stop();
    expect(before.filter(alive)).toEqual([]);
    await expect(fetch(kickoff.url)).rejects.toThrow();
  });
});
