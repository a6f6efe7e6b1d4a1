import { cpSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startRuntime } from '../../eventing/local/runtime.ts';
import { until } from '../until.ts';
import { createProject } from './world.ts';

const root = path.resolve(import.meta.dirname, '../..');

// clients ---> Broker --[Trigger, parallelism 12]--> predict (4 in flight each)
test('1,000 events in the queue bring up max scale, and each is delivered', { timeout: 60_000 }, async () => {
  const project = await createProject({
    ingress: {},
    'cache-write': {},
    predict: { max: 3, target: 4, concurrency: 4, start: 'slow' },
  });
  cpSync(path.join(root, 'eventing/broker.yaml'), path.join(project.root, 'eventing/broker.yaml'));
  const service = { ref: { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name: 'predict' } };
  const sink = { ref: { ...service.ref, name: 'cache-write' } };
  project.write('eventing/triggers.yaml', {
    apiVersion: 'eventing.knative.dev/v1',
    kind: 'Trigger',
    metadata: { name: 'predict', annotations: { 'rabbitmq.eventing.knative.dev/parallelism': '12' } },
    spec: {
      broker: 'kickoff',
      filter: { attributes: { type: 'asked' } },
      subscriber: service,
      delivery: {
        retry: 3,
        backoffPolicy: 'exponential',
        backoffDelay: 'PT0.5S',
        timeout: 'PT30S',
        deadLetterSink: sink,
      },
    },
  });
  const runtime = await startRuntime({
    root: project.root,
    port: 0,
    stateFolder: project.state,
    env: { PATH: process.env['PATH'] },
    log: () => undefined,
  });
  const ready = () => runtime.status().functions.find(({ name }) => name === 'predict')?.replicas.ready ?? 0;
  const left = () =>
    runtime.status().queues.reduce((total, queue) => total + queue.ready + queue.inFlight, 0);

  const statuses = await Promise.all(
    Array.from({ length: 1000 }, async (_, place) => {
      const headers = {
        'ce-specversion': '1.0',
        'ce-id': String(place),
        'ce-source': '/test',
        'ce-type': 'asked',
      };
      return (await fetch(`${runtime.url}/local/broker/`, { method: 'POST', headers, body: '{}' })).status;
    }),
  );
  expect(statuses.filter((status) => status !== 202)).toEqual([]);
  await until(() => ready() === 3, { deadline: 20_000, what: 'three replicas' });
  await until(() => left() === 0, { deadline: 30_000, what: 'all are delivered' });
  await runtime.close(3000);
  await project.remove();
});
