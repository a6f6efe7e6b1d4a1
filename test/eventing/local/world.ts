import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { startRuntime } from '../../../eventing/local/runtime.ts';
import type { Runtime } from '../../../eventing/local/runtime.ts';
import type { ServiceStatus } from '../../../eventing/local/serving/status.ts';

const behaving = readFileSync(path.join(import.meta.dirname, 'fixtures/behaving.ts'), 'utf8');

export type FunctionSettings = {
  min?: number;
  max?: number;
  target?: number;
  concurrency?: number;
  start?: string;
  startTimeout?: string;
  envs?: Record<string, string>;
  /** Its `main.ts`, instead of `fixtures/behaving.ts`. */
  source?: string;
};

/** func.yaml of a function that behaves as `fixtures/behaving.ts` does. */
export function funcYaml(name: string, settings: FunctionSettings = {}): object {
  const { min = 0, max = 3, target, concurrency = 0, start, startTimeout = '10s', envs } = settings;
  const environment = { ...(start === undefined ? {} : { START: start }), ...envs };
  return {
    specVersion: '0.36.0',
    created: '2026-01-01T00:00:00Z',
    name,
    runtime: 'typescript',
    run: { startTimeout, envs: Object.entries(environment).map(([name, value]) => ({ name, value })) },
    deploy: {
      options: {
        scale: { min, max, metric: 'concurrency', utilization: 100, ...(target ? { target } : {}) },
        resources: { limits: { concurrency } },
      },
    },
  };
}

export type Project = {
  root: string;
  state: string;
  /** Writes a file below the root. */
  write(file: string, content: string | object): void;
  remove(): Promise<void>;
};

/** A project folder with these functions, windows of 6 s (the shortest that Knative takes) and requests of at most `timeoutSeconds`. */
export async function createProject(
  functions: Record<string, FunctionSettings>,
  { timeoutSeconds = 20, autoscaler = {} }: { timeoutSeconds?: number; autoscaler?: object } = {},
): Promise<Project> {
  const root = await mkdtemp(path.join(tmpdir(), 'kickoff-runtime-'));
  const write = (file: string, content: string | object): void => {
    const place = path.join(root, file);
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, typeof content === 'string' ? content : stringify(content));
  };
  for (const [name, settings] of Object.entries(functions)) {
    write(`functions/${name}/func.yaml`, funcYaml(name, settings));
    write(`functions/${name}/src/main.ts`, settings.source ?? behaving);
  }
  mkdirSync(path.join(root, 'eventing'));
  mkdirSync(path.join(root, 'model/registry'), { recursive: true });
  const configMap = (name: string, data: object): object => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data,
  });
  write(
    'manifests/base/knative/config-autoscaler.yaml',
    configMap('config-autoscaler', {
      'stable-window': '6s',
      'scale-to-zero-grace-period': '6s',
      'target-burst-capacity': '211',
      ...autoscaler,
    }),
  );
  write(
    'manifests/base/knative/config-defaults.yaml',
    configMap('config-defaults', { 'revision-timeout-seconds': String(timeoutSeconds) }),
  );
  return {
    root,
    state: path.join(root, '.state'),
    write,
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

export type World = {
  runtime: Runtime;
  project: Project;
  url: string;
  logged: string[];
  pids(): number[];
  close(deadlineMs?: number): Promise<void>;
};

/** The runtime, in this process, on a project of its own; it is closed when the test ends. */
export async function startWorld(
  functions: Record<string, FunctionSettings>,
  options: Parameters<typeof createProject>[1] = {},
): Promise<World> {
  const project = await createProject(functions, options);
  const logged: string[] = [];
  const runtime = await startRuntime({
    root: project.root,
    port: 0,
    stateFolder: project.state,
    env: { PATH: process.env['PATH'] },
    log: (part, line) => logged.push(`${part}: ${line}`),
  });
  const end = async (deadlineMs: number): Promise<void> => {
    await runtime.close(deadlineMs);
    await project.remove();
  };
  let ended: Promise<void> | undefined;
  const close = (deadlineMs = 3000): Promise<void> => (ended ??= end(deadlineMs));
  onTestFinished(() => close());
  return {
    runtime,
    project,
    url: runtime.url,
    logged,
    pids: () => runtime.status().functions.flatMap((one) => one.pids),
    close,
  };
}

/** The status of a world's only function. */
export function statusOf({ runtime }: World): ServiceStatus {
  const [one] = runtime.status().functions;
  if (!one) throw new Error('no function');
  return one;
}

/** The two paths of a request, with what startWorld takes for them: through the activator always, or only from zero. */
export const paths = ['211', '0'].map((capacity) => ({
  path: capacity === '0' ? 'Serve' : 'Proxy',
  burst: { autoscaler: { 'target-burst-capacity': capacity } },
}));

/** Each of the clients asks again and again, until it is stopped or the test ends. `stop` waits for the last answers, and throws what a client threw. */
export function startLoad<C>(
  clients: readonly C[],
  ask: (client: C) => Promise<unknown>,
): { stop(): Promise<void> } {
  let running = true;
  const load = Promise.all(
    clients.map(async (client) => {
      while (running) await ask(client);
    }),
  );
  const stop = async (): Promise<void> => {
    running = false;
    await load;
  };
  onTestFinished(stop);
  return { stop };
}
