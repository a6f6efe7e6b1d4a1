import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import * as v from 'valibot';
import { kubectl, kubectlJson } from '../../manifests/cluster.ts';
import { readParams } from '../../manifests/params.ts';
import { releases, rollback } from '../../manifests/releases.ts';

const ingress = process.env['INGRESS_URL'] ?? '';
if (!URL.canParse(ingress))
  throw new Error('INGRESS_URL must be the address of ingress, such as https://predictions.example.org');
const cluster = process.env['KUBECONFIG'] !== undefined;
if (!cluster) console.warn('skipped what needs kubectl: set KUBECONFIG');

const { namespace } = readParams(path.resolve(import.meta.dirname, '../..'));
const functions = ['ingress', 'predict', 'cache-write'];

const Pods = v.looseObject({
  items: v.array(
    v.looseObject({
      metadata: v.looseObject({ name: v.string(), labels: v.record(v.string(), v.string()) }),
    }),
  ),
});
const Teams = v.looseObject({ teams: v.array(v.looseObject({ name: v.string() })) });
const Model = v.looseObject({ name: v.string(), version: v.string() });
const Result = v.looseObject({ status: v.string() });

type Answer = { status: number; headers: Headers; body: unknown; ms: number };

async function ask(route: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const began = performance.now();
  const response = await fetch(new URL(route, ingress), {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: JSON.parse(text),
    ms: performance.now() - began,
  };
}

/** Every ordered pair of teams, so that no request meets another's cache. */
async function fixtures(count: number): Promise<{ home: string; away: string }[]> {
  const { teams } = v.parse(Teams, (await ask('/v1/teams?q=a')).body);
  const pairs = teams.flatMap((home) =>
    teams.filter((away) => away !== home).map((away) => ({ home: home.name, away: away.name })),
  );
  expect(pairs.length).toBeGreaterThan(0);
  const start = Math.floor(Math.random() * pairs.length);
  return Array.from({ length: count }, (_, n) => pairs[(start + n) % pairs.length] ?? { home: '', away: '' });
}

/** The final state of an asynchronous request, within `deadline` ms. */
async function final(location: string, deadline = 120_000): Promise<string> {
  const end = performance.now() + deadline;
  for (;;) {
    const { status } = v.parse(Result, (await ask(location)).body);
    if (status !== 'queued') return status;
    if (performance.now() > end) throw new Error(`${location} is still queued after ${deadline} ms`);
    await wait(250);
  }
}

async function pods(): Promise<Record<string, number>> {
  const { items } = await kubectlJson(Pods, [
    'get',
    'pods',
    '-n',
    namespace,
    '-l',
    'serving.knative.dev/service',
  ]);
  return Object.fromEntries(
    functions.map((name) => [
      name,
      items.filter(({ metadata }) => metadata.labels['serving.knative.dev/service'] === name).length,
    ]),
  );
}

describe('a deployed Kickoff', () => {
  test('answers a prediction with the model that its registry names', async () => {
    const model = v.parse(Model, (await ask('/v1/model')).body);
    const [fixture] = await fixtures(1);
    const { status, body, ms } = await ask('/v1/predictions', fixture, { prefer: 'wait=60' });
    console.log(`${model.name} version ${model.version}: first answer after ${Math.round(ms)} ms`);
    expect(status).toBe(200);
    expect(body).toHaveProperty('model.version', model.version);
  });

  test('refuses an unknown team with its reason', async () => {
    const { status, headers } = await ask('/v1/predictions', { home: 'No Such Team', away: 'Neither This' });
    expect(status).toBe(422);
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
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
    for (const one of await fixtures(30))
      times.push((await ask('/v1/predictions', one, { prefer: 'wait=60' })).ms);
    times.sort((a, b) => a - b);
    console.log(
      `warm, one client, n=30: median ${Math.round(times[15] ?? 0)} ms, worst ${Math.round(times[29] ?? 0)} ms`,
    );
    expect(times[15]).toBeLessThan(1000);
  });
});

describe.skipIf(!cluster)('on its cluster', () => {
  test('every function is ready, and only ingress is public', async () => {
    const Service = v.looseObject({
      metadata: v.looseObject({ name: v.string(), labels: v.optional(v.record(v.string(), v.string()), {}) }),
      status: v.looseObject({ conditions: v.array(v.looseObject({ type: v.string(), status: v.string() })) }),
    });
    for (const name of functions) {
      const found = await kubectlJson(Service, [
        'get',
        'services.serving.knative.dev',
        name,
        '-n',
        namespace,
      ]);
      expect(found.status.conditions.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'True' });
      const visibility = found.metadata.labels['networking.knative.dev/visibility'];
      expect({ name, visibility }).toEqual({
        name,
        visibility: name === 'ingress' ? undefined : 'cluster-local',
      });
    }
  });

  test('scales to zero, and wakes the whole chain', async () => {
    const end = performance.now() + 240_000;
    while (Object.values(await pods()).some((count) => count > 0)) {
      if (performance.now() > end)
        throw new Error(`not at zero: ${JSON.stringify(await pods())} (min-scale 1 keeps one)`);
      await wait(2000);
    }
    const { status, ms } = await ask(
      '/v1/predictions',
      { home: 'Arsenal', away: 'Chelsea' },
      { prefer: 'wait=60' },
    );
    console.log(`from zero, whole chain: ${Math.round(ms)} ms`);
    expect(status).toBe(200);
  });

  test('scales out under load', async () => {
    let most = 0;
    const ended = new AbortController();
    const watch = (async () => {
      while (!ended.signal.aborted) {
        most = Math.max(most, (await pods())['ingress'] ?? 0);
        await wait(1000);
      }
    })();
    const began = performance.now();
    const statuses: number[] = [];
    await Promise.all(
      Array.from({ length: 150 }, async () => {
        while (performance.now() - began < 30_000) {
          const [one] = await fixtures(1);
          statuses.push((await ask('/v1/predictions', one, { prefer: 'wait=60' })).status);
        }
      }),
    );
    ended.abort();
    await watch;
    const answered = statuses.filter((status) => status === 200).length;
    console.log(
      `150 clients for 30 s: ${answered} of ${statuses.length} answered, up to ${most} pods of ingress`,
    );
    expect(answered).toBe(statuses.length);
    expect(most).toBeGreaterThan(1);
  });

  test('rolls back and forth without a failed request', async (context) => {
    const known = await releases(namespace, 'predict');
    const [newest, previous] = known.filter(({ ready }) => ready);
    if (!newest || !previous) return context.skip('predict has one revision only');
    try {
      await rollback(namespace, 'predict', previous.name);
      const [fixture] = await fixtures(1);
      expect((await ask('/v1/predictions', fixture, { prefer: 'wait=60' })).status).toBe(200);
    } finally {
      await rollback(namespace, 'predict', 'latest');
    }
  });

  test('a restart of RabbitMQ loses nothing that was accepted, and people go on being answered', async (context) => {
    const found = await kubectl([
      'get',
      'pod',
      'rabbitmq-0',
      '-n',
      namespace,
      '--ignore-not-found',
      '-o',
      'name',
    ]);
    if (found.trim() === '') return context.skip('RabbitMQ is not a pod of this namespace');
    const accepted: string[] = [];
    const accept = async (): Promise<void> => {
      for (const one of await fixtures(10)) {
        const { status, headers } = await ask('/v1/predictions', one, { prefer: 'respond-async' });
        if (status === 202) accepted.push(headers.get('location') ?? '');
      }
    };
    await accept();
    await kubectl(['delete', 'pod', 'rabbitmq-0', '-n', namespace, '--wait=false']);
    const [fixture] = await fixtures(1);
    expect((await ask('/v1/predictions', fixture, { prefer: 'wait=60' })).status).toBe(200);
    await accept();
    const states = await Promise.all(accepted.map(async (one) => final(one, 280_000)));
    console.log(
      `RabbitMQ restarted: ${states.filter((state) => state === 'done').length} of ${accepted.length} accepted requests done`,
    );
    expect(states).toEqual(accepted.map(() => 'done'));
  });
});
