import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import * as v from 'valibot';
import { newId } from '../../functions/shared/id.ts';
import { openStore } from '../../functions/shared/store/open.ts';
import { kubectl } from '../../manifests/commands/cluster/kubectl.ts';
import { portForward } from '../../manifests/commands/cluster/port-forward.ts';
import { secretValues } from '../../manifests/commands/cluster/secret.ts';
import { releases, rollback } from '../../manifests/commands/releases.ts';
import { until } from '../until.ts';
import { ask, final, fixtures, names, namespace, pods, usage } from './deployed.ts';

const cluster = process.env['KUBECONFIG'] !== undefined;
if (!cluster) console.warn('skipped what needs kubectl: set KUBECONFIG');

const Model = v.looseObject({ name: v.string(), version: v.string() });
const waits = { prefer: 'wait=60' };

describe('a deployed Kickoff', () => {
  test('answers a prediction with the model that its registry names', async () => {
    const model = v.parse(Model, (await ask('/v1/model')).body);
    const [fixture] = await fixtures(1);
    const { status, body, ms } = await ask('/v1/predictions', fixture, waits);
    console.log(`${model.name} version ${model.version}: first answer after ${Math.round(ms)} ms`);
    expect(status).toBe(200);
    expect(body).toHaveProperty('model.version', model.version);
  });

  test('finishes what it accepts', async () => {
    const asked = await Promise.all(
      (await fixtures(20)).map(async (one) => ask('/v1/predictions', one, { prefer: 'respond-async' })),
    );
    const locations = asked.map(({ status, headers }) => {
      expect(status).toBe(202);
      return headers.get('location') ?? '';
    });
    expect(await Promise.all(locations.map(async (one) => final(one)))).toEqual(locations.map(() => 'done'));
  });

  test('warm latency', async () => {
    const times: number[] = [];
    for (const one of await fixtures(30)) times.push((await ask('/v1/predictions', one, waits)).ms);
    times.sort((a, b) => a - b);
    console.log(
      `warm, one client, n=30: median ${Math.round(times[15] ?? 0)} ms, worst ${Math.round(times[29] ?? 0)} ms`,
    );
    expect(times[15]).toBeLessThan(1000);
  });
});

describe.skipIf(!cluster)('on its cluster', () => {
  test('every function is ready', async () => {
    const { functions } = await names();
    expect(functions.length).toBeGreaterThan(2);
    for (const name of functions)
      await kubectl([
        'wait',
        `services.serving.knative.dev/${name}`,
        '-n',
        namespace,
        '--for=condition=Ready',
      ]);
  });

  test('what each pod takes of memory and CPU', async () => {
    const rows = (await usage()).map(
      ({ name, mebibytes, cores }) =>
        `${name.padEnd(64)} ${mebibytes.toFixed(0).padStart(5)} MiB ${cores.toFixed(3)} cores`,
    );
    console.log(rows.join('\n'));
    expect(rows.length).toBeGreaterThan(0);
  });

  test('scales to zero, and wakes the whole chain', async () => {
    const { functions } = await names();
    const [fixture] = await fixtures(1);
    await until(async () => Object.values(await pods(functions)).every((count) => count === 0), {
      deadline: 240_000,
      every: 2000,
      what: 'every function is at zero (min-scale 1 keeps a pod)',
    });
    const { status, ms } = await ask('/v1/predictions', fixture, waits);
    console.log(`from zero, whole chain: ${Math.round(ms)} ms`);
    expect(status).toBe(200);
  });

  test('scales out under load', async () => {
    const { functions, ingress } = await names();
    // More clients than the target of one replica (100). Lists, because nginx lets 50 requests a second of one address through: each of them must be work.
    const body = { fixtures: await fixtures(1000) };
    let most = 0;
    const statuses: number[] = [];
    const end = performance.now() + 45_000;
    const client = async (): Promise<void> => {
      while (performance.now() < end) {
        const { status, headers } = await ask('/v1/predictions', body, waits);
        statuses.push(status);
        // nginx has a rate for each address, ingress a bound of requests under way: both say when to come again.
        if (status === 429 || status === 503) {
          expect(headers.get('retry-after')).toMatch(/^\d+$/);
          await wait(1000 * Number(headers.get('retry-after')));
        }
      }
    };
    const watch = async (): Promise<void> => {
      while (performance.now() < end) {
        most = Math.max(most, (await pods(functions))[ingress] ?? 0);
        await wait(1000);
      }
    };
    await Promise.all([watch(), ...Array.from({ length: 160 }, client)]);
    const count = (wanted: number): number => statuses.filter((status) => status === wanted).length;
    console.log(
      `160 clients with 1000 fixtures each, 45 s: ${count(200)} answered, ${count(429) + count(503)} told to wait, up to ${most} pods of ingress`,
    );
    expect(statuses.length).toBe(count(200) + count(429) + count(503));
    expect(count(200)).toBeGreaterThan(0);
    expect(most).toBeGreaterThan(1);
  });

  test('rolls back and forth without a failed request', async () => {
    const { predict } = await names();
    const service = ['services.serving.knative.dev', predict, '-n', namespace];
    const mark = async (value: string | null): Promise<void> => {
      const annotations = { 'kickoff.dev/test-revision': value };
      const patch = JSON.stringify({ spec: { template: { metadata: { annotations } } } });
      await kubectl(['patch', ...service, '--type=merge', '-p', patch]);
    };
    const newest = async (): Promise<string> => (await releases(namespace, predict))[0]?.name ?? '';
    const renewed = async (before: string): Promise<string> => {
      await until(
        async () => {
          const [first] = await releases(namespace, predict);
          return first !== undefined && first.name !== before && first.ready;
        },
        { deadline: 120_000, every: 1000, what: 'a new revision is ready' },
      );
      return newest();
    };
    const first = await newest();
    await mark(newId());
    const second = await renewed(first);
    try {
      for (const to of [first, second, 'latest']) {
        await rollback(namespace, predict, to);
        for (const one of await fixtures(5))
          expect((await ask('/v1/predictions', one, waits)).status).toBe(200);
      }
    } finally {
      await rollback(namespace, predict, 'latest');
      await mark(null);
      await renewed(second);
      await kubectl(['delete', 'revisions.serving.knative.dev', second, '-n', namespace]);
    }
  });

  test('an event that cannot be delivered is kept as a dead letter', async () => {
    const { broker, ingress, deadLetterSink } = await names();
    const type = `dev.kickoff.test.${newId()}`;
    const name = 'cluster-test';
    const trigger = {
      apiVersion: 'eventing.knative.dev/v1',
      kind: 'Trigger',
      metadata: { name, namespace },
      spec: {
        broker,
        filter: { attributes: { type } },
        // 404: retried by the dispatcher, then a dead letter.
        subscriber: {
          ref: { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name: ingress },
          uri: '/no-such-page',
        },
        delivery: {
          retry: 1,
          backoffPolicy: 'linear',
          backoffDelay: 'PT0.2S',
          timeout: 'PT20S',
          deadLetterSink,
        },
      },
    };
    await kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(trigger));
    const brokerDoor = await portForward(namespace, `${broker}-broker-ingress`, 80);
    const redis = await portForward(namespace, 'redis', 6379);
    const password = (await secretValues(namespace, 'redis'))?.['password'] ?? '';
    const store = await openStore(`redis://:${password}@${new URL(redis.url).host}`);
    try {
      await kubectl(
        ['wait', `trigger/${name}`, '-n', namespace, '--for=condition=Ready', '--timeout=120s'],
        '',
        '0',
      );
      const began = performance.now();
      const event = {
        specversion: '1.0',
        id: newId(),
        source: '/kickoff/test',
        type,
        time: new Date().toISOString(),
      };
      const { status } = await fetch(brokerDoor.url, {
        method: 'POST',
        headers: { 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify(event),
      });
      expect(status).toBe(202);
      const kept = async () =>
        (await store.deadLetters.list()).find((letter) => letter.event['id'] === event.id);
      await until(async () => (await kept()) !== undefined, {
        deadline: 120_000,
        every: 1000,
        what: 'the dead letter is kept',
      });
      console.log(`dead letter after ${Math.round(performance.now() - began)} ms`);
      const letter = await kept();
      expect(letter).toMatchObject({ code: 404 });
      if (letter) await store.deadLetters.remove(letter.id);
    } finally {
      await store.close();
      redis.close();
      brokerDoor.close();
      await kubectl(['delete', 'trigger', name, '-n', namespace]);
      const gone = ['--for=delete', '--timeout=60s', '-n', namespace];
      for (const dispatcher of [`${name}-dispatcher`, `${name}-dlx-dispatcher`])
        await kubectl(['wait', ...gone, `deployment/${dispatcher}`], '', '0');
    }
  });
});
