import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import * as v from 'valibot';
import { type FunctionSettings, startWorld } from '../../../eventing/local/world.ts';
import { until } from '../../../until.ts';
import { answerOn, connect } from './client.ts';
import type { Place } from './steps.ts';
import { type AppEvent, Told } from './recorded.ts';

const source = readFileSync(path.join(import.meta.dirname, 'app.ts'), 'utf8');

/** A function of a world: `ingress` behind the front door, any other at its own address. */
export type Places = { place(name: string): Place; close(): Promise<void> };

/**
 * Runtimes whose functions are the recordings' app. On the direct path a ready replica has the connections of clients; on the other the activator is
 * always in the path.
 */
export async function startPlaces(
  way: 'activator' | 'direct',
  functions: Record<string, FunctionSettings>,
  timeoutSeconds: number,
): Promise<Places> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kickoff-http-path-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'events');
  const settings = Object.fromEntries(
    Object.entries(functions).map(([name, own]) => [
      name,
      { max: 1, ...own, source, envs: { EVENTS: file, ...own.envs } },
    ]),
  );
  const autoscaler = { 'target-burst-capacity': way === 'direct' ? '0' : '-1' };
  const here = await startWorld(settings, { timeoutSeconds, autoscaler });
  const told = (): (AppEvent & { case: string })[] =>
    existsSync(file)
      ? readFileSync(file, 'utf8')
          .split('\n')
          .slice(0, -1)
          .map((line) => v.parse(Told, JSON.parse(line)))
      : [];
  const statusOf = (name: string) => here.runtime.status().functions.find((one) => one.name === name);
  if (way === 'direct')
    await until(
      async () => {
        const connection = await connect(here.url);
        await connection.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
        const { body } = await answerOn(connection, 'GET', 3000);
        connection.destroy();
        return body !== '' && !/k-proxy-request/i.test(body);
      },
      { deadline: 10_000, what: 'the replica has the connections' },
    );
  const place = (name: string): Place => ({
    url: name === 'ingress' ? here.url : (statusOf(name)?.url ?? ''),
    pids: () => statusOf(name)?.pids ?? [],
    events: (tag) => told().filter((event) => event.case === tag),
  });
  return { place, close: () => here.close(200) };
}
