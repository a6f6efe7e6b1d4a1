import { cpSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { alive } from '../../../alive.ts';
import { startRuntime } from '../../../../eventing/local/runtime.ts';
import type { Runtime } from '../../../../eventing/local/runtime.ts';
import { until } from '../../../until.ts';
import { createProject } from '../world.ts';
import type { FunctionSettings, Project } from '../world.ts';

const root = path.resolve(import.meta.dirname, '../../../..');

async function wiredProject(
  predict: FunctionSettings,
  options?: { timeoutSeconds: number },
): Promise<Project> {
  const project = await createProject({ ingress: {}, 'cache-write': {}, predict }, options);
  cpSync(path.join(root, 'eventing/broker.yaml'), path.join(project.root, 'eventing/broker.yaml'));
  const service = { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name: 'predict' };
  project.write('eventing/triggers.yaml', {
    apiVersion: 'eventing.knative.dev/v1',
    kind: 'Trigger',
    metadata: { name: 'predict', annotations: { 'rabbitmq.eventing.knative.dev/parallelism': '12' } },
    spec: {
      broker: 'kickoff',
      filter: { attributes: { type: 'asked' } },
      subscriber: { ref: service },
      delivery: {
        retry: 3,
        backoffPolicy: 'exponential',
        backoffDelay: 'PT0.5S',
        timeout: 'PT30S',
        deadLetterSink: { ref: { ...service, name: 'cache-write' } },
      },
    },
  });
  return project;
}

function start(project: Project): Promise<Runtime> {
  return startRuntime({
    root: project.root,
    port: 0,
    stateFolder: project.state,
    env: { PATH: process.env['PATH'] },
    log: () => undefined,
  });
}

async function publish(runtime: Runtime, id: string): Promise<number> {
  const headers = { 'ce-specversion': '1.0', 'ce-id': id, 'ce-source': '/test', 'ce-type': 'asked' };
  return (await fetch(`${runtime.url}/local/broker/`, { method: 'POST', headers, body: '{}' })).status;
}

const undelivered = (runtime: Runtime): number =>
  runtime.status().queues.reduce((total, queue) => total + queue.ready + queue.inFlight, 0);

// clients ---> Broker --[Trigger, parallelism 12]--> predict (4 in flight each)
test('1,000 events in the queue bring up max scale, and each is delivered', { timeout: 60_000 }, async () => {
  const project = await wiredProject({ max: 3, target: 4, concurrency: 4, start: 'slow' });
  const runtime = await start(project);
  const ready = () => runtime.status().functions.find(({ name }) => name === 'predict')?.replicas.ready ?? 0;
  const statuses = await Promise.all(
    Array.from({ length: 1000 }, (_, place) => publish(runtime, String(place))),
  );
  expect(statuses.filter((status) => status !== 202)).toEqual([]);
  await until(() => ready() === 3, { deadline: 20_000, what: 'three replicas' });
  await until(() => undelivered(runtime) === 0, { deadline: 30_000, what: 'all are delivered' });
  await runtime.close(3000);
  await project.remove();
});

// The Broker takes it, as Knative's does; no HTTP client sends it on.
test('an event that no header can carry is given up, and holds no other', { timeout: 60_000 }, async () => {
  const project = await wiredProject({ max: 1, concurrency: 1 });
  const runtime = await start(project);
  const event = {
    specversion: '1.0',
    source: '/test',
    type: 'asked',
    id: 'bad',
    subject: 'one\nand another',
  };
  const { status } = await fetch(`${runtime.url}/local/broker/`, {
    method: 'POST',
    headers: { 'content-type': 'application/cloudevents+json' },
    body: JSON.stringify(event),
  });
  expect(status).toBe(202);
  await until(() => undelivered(runtime) === 0, { deadline: 40_000, what: 'the bad one is given up' });
  expect(await publish(runtime, 'good')).toBe(202);
  await until(() => undelivered(runtime) === 0, { deadline: 15_000, what: 'the good one is delivered' });
  expect(runtime.status().functions.find(({ name }) => name === 'predict')?.inFlight).toBe(0);
  await runtime.close(3000);
  await project.remove();
});

test(
  'the event of a process that hangs is delivered again when that is killed',
  { timeout: 60_000 },
  async () => {
    const project = await wiredProject({ concurrency: 4 }, { timeoutSeconds: 3 });
    // Neither answers nor ends, whatever it is told.
    const hanging = `import http from 'node:http';
process.on('SIGTERM', () => undefined);
http.createServer((request, response) => { if (request.method === 'GET') response.end(); })
  .listen(Number(process.env['PORT']), '127.0.0.1');
`;
    project.write('functions/predict/src/main.ts', hanging);
    const runtime = await start(project);
    const predict = () => runtime.status().functions.find(({ name }) => name === 'predict');
    expect(await publish(runtime, 'one')).toBe(202);
    await until(() => predict()?.inFlight === 1 && predict()?.queued === 0, { deadline: 10_000 });
    const [hung = 0] = predict()?.pids ?? [];
    project.write(
      'functions/predict/src/main.ts',
      hanging.replace("if (request.method === 'GET') response.end();", 'response.writeHead(202).end();'),
    );
    await until(() => !alive(hung), { deadline: 15_000, what: 'the hung process is killed' });
    await until(() => undelivered(runtime) === 0, { deadline: 15_000, what: 'the event is delivered' });
    expect(predict()?.revision).toBe('predict-00002');
    await runtime.close(3000);
    await project.remove();
  },
);
