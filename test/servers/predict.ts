import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { binaryMessage } from '../../functions/shared/events/cloudevents.ts';
import { CompletedData, refreshType, requestedType } from '../../functions/shared/events/events.ts';
import { signedEvent } from '../../functions/shared/events/signature.ts';
import { keys, signingKey } from '../signing.ts';
import { until } from '../until.ts';
import { freePort } from './free-port.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** The predict function as the platform starts it, in a process of its own. */
export type PredictProcess = {
  url: string;
  child: ChildProcess;
  output(): string;
  /** One fixture by an event, as the Broker posts it. */
  ask(home: string, away: string): Promise<CompletedData>;
  /** Asks it to look at the alias now. */
  refresh(): Promise<number>;
  /** Resident memory in MiB. */
  rss(): number;
  stop(): Promise<void>;
};

/** A function as the platform starts it: its `main.ts` with this environment, the key of the test and no more. Resolves when it is ready. */
export async function startFunction(
  name: string,
  env: Record<string, string>,
): Promise<Pick<PredictProcess, 'url' | 'child' | 'output' | 'stop'>> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let output = '';
  const child = spawn(process.execPath, [`functions/${name}/src/main.ts`], {
    cwd: root,
    env: { ADDRESS: '127.0.0.1', PORT: String(port), SIGNING_KEYS: signingKey, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  await until(
    () => {
      if (child.exitCode !== null) throw new Error(`${name} ended at start:\n${output}`);
      return fetch(`${url}/health/readiness`).then(
        ({ ok }) => ok,
        () => false,
      );
    },
    { deadline: 30_000, what: `${name} is ready` },
  );
  return {
    url,
    child,
    output: () => output,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Starts predict with this environment and no more. */
export async function startPredict(env: Record<string, string>): Promise<PredictProcess> {
  const started = await startFunction('predict', env);
  const { url, child } = started;
  let asked = 0;
  return {
    ...started,
    async ask(home, away) {
      const id = `0190a000-0000-7000-8000-${String(asked++).padStart(12, '0')}`;
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify({
          ...{ specversion: '1.0', id, source: '/test', type: requestedType },
          data: { requests: [{ id, home, away }] },
        }),
      });
      if (answer.status !== 200) throw new Error(`predict answers ${answer.status}: ${await answer.text()}`);
      return v.parse(CompletedData, await answer.json());
    },
    async refresh() {
      const data = { time: new Date().toISOString() };
      const order = signedEvent({ id: '1', source: '/kickoff/ingress', type: refreshType, data }, keys);
      return (await fetch(`${url}/v1/model/refresh`, { method: 'POST', ...binaryMessage(order) })).status;
    },
    rss: () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8'))?.[1]) / 1024,
  };
}
