import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as v from 'valibot';
import { freePort } from '../servers/free-port.ts';
import { end, ready, type Running, start } from '../servers/process.ts';

const Run = v.object({ run: v.object({ info: v.object({ run_id: v.string(), artifact_uri: v.string() }) }) });
const Created = v.object({ model_version: v.object({ version: v.string() }) });
const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A real MLflow server that may be killed and started again, with one registered model `match-outcome`. */
export type MlflowRegistry = {
  url: string;
  stop(): Promise<void>;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
  /** Calls the REST API 2.0; throws with MLflow's answer unless it is 200. */
  call(method: string, route: string, body: unknown): Promise<unknown>;
  /** Registers these files as `python -m model register` does, and gives the version; `tags` override what is derived from them. */
  add(files: Record<string, string | Uint8Array>, tags?: Record<string, string>): Promise<string>;
  alias(name: string, version: string): Promise<void>;
};

/** Starts it with the Python of `model/requirements-mlflow.txt`; its webhooks may go to loopback over plain HTTP. */
export async function startMlflowRegistry(python: string): Promise<MlflowRegistry> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const folder = await mkdtemp(path.join(tmpdir(), 'kickoff-mlflow-'));
  let running: Running;
  async function run(): Promise<void> {
    running = start(
      python,
      [
        ...['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1'],
        ...['--backend-store-uri', `sqlite:///${folder}/mlflow.db`],
        ...['--artifacts-destination', path.join(folder, 'artifacts')],
      ],
      {
        MLFLOW_DISABLE_TELEMETRY: 'true',
        MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
        MLFLOW_WEBHOOK_ALLOWED_SCHEMES: 'http,https',
        MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS: 'true',
        // Else it may remember from the first alias that nobody listens.
        MLFLOW_WEBHOOK_CACHE_TTL: '0',
      },
    );
    await ready(
      running,
      async () => (await fetch(`${url}/health`).catch(() => undefined))?.ok ?? false,
      120_000,
    );
  }
  await run();

  async function request(method: string, target: string, init: RequestInit): Promise<string> {
    const answer = await fetch(`${url}/api/${target}`, { ...init, method });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`MLflow answers ${method} ${target} with ${answer.status}: ${text}`);
    return text;
  }
  async function call(method: string, route: string, body: unknown): Promise<unknown> {
    const headers = { 'content-type': 'application/json' };
    const text = await request(method, `2.0/mlflow/${route}`, { headers, body: JSON.stringify(body) });
    return JSON.parse(text);
  }

  const name = 'match-outcome';
  let created = false;
  return {
    url,
    start: run,
    stop: () => end(running, 'SIGTERM'),
    async remove() {
      await end(running, 'SIGTERM');
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
    call,
    async add(files, tags = {}) {
      const { run } = v.parse(Run, await call('POST', 'runs/create', { experiment_id: '0' }));
      const { run_id, artifact_uri } = run.info;
      const place = artifact_uri.replace('mlflow-artifacts:/', '');
      const names = Object.keys(files).sort();
      const sums = names.map((file) => `${sha256(files[file] ?? '')}  ${file}\n`).join('');
      for (const [file, content] of Object.entries({ ...files, SHA256SUMS: sums }))
        await request('PUT', `2.0/mlflow-artifacts/artifacts/${place}/${file}`, {
          body: typeof content === 'string' ? content : new Uint8Array(content),
          headers: { 'content-type': 'application/octet-stream' },
        });
      if (!created) await call('POST', 'registered-models/create', { name });
      created = true;
      const all = {
        'kickoff.digest': `sha256:${sha256(sums)}`,
        'kickoff.ratings_as_of': '2025-05-31',
        ...tags,
      };
      const version = await call('POST', 'model-versions/create', {
        ...{ name, source: artifact_uri, run_id },
        tags: Object.entries(all).map(([key, value]) => ({ key, value })),
      });
      return v.parse(Created, version).model_version.version;
    },
    async alias(alias, version) {
      await call('POST', 'registered-models/alias', { name, alias, version });
    },
  };
}
