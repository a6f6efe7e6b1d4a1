import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from './free-port.ts';
import { end, ready, start } from './process.ts';

export type Mlflow = {
  url: string;
  /** Where its database and its artifacts are. */
  folder: string;
  /** Stops it politely. */
  stop(): Promise<void>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
};

/** An MLflow tracking server on a free port of 127.0.0.1. `python` has the packages of `model/requirements-mlflow.txt` (from `needs.ts`). */
export async function startMlflow(python: string): Promise<Mlflow> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-mlflow-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const running = start(
    python,
    [
      ...['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1'],
      ...['--backend-store-uri', `sqlite:///${folder}/mlflow.db`],
      ...['--artifacts-destination', path.join(folder, 'artifacts')],
    ],
    { MLFLOW_DISABLE_TELEMETRY: 'true', MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false' },
  );
  const healthy = async (): Promise<boolean> =>
    (await fetch(`${url}/health`, { headers: { connection: 'close' } }).catch(() => undefined))?.ok ?? false;
  await ready(running, healthy, 120_000);
  return {
    url,
    folder,
    stop: () => end(running, 'SIGTERM'),
    async remove() {
      await end(running, 'SIGTERM');
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
