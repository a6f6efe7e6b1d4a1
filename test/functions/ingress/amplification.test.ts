import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requestedType } from '../../../functions/shared/events/events.ts';
import { newId } from '../../../functions/shared/id.ts';
import { type ProcessWorld, startProcessWorld } from '../../conformance/world.ts';
import { bytesOf, cpuOf, leastCost, type Sent, usualCost } from './cost.ts';
import { closed, json, names, type Pump, pumped, texts } from './pumps.ts';

// No request may cost much more than one of its size that is answered: CPU against CPU, both of this run.

const artifact = path.resolve(import.meta.dirname, '../../../model/registry/match-outcome/1/teams.json');
const { teams } = JSON.parse(readFileSync(artifact, 'utf8')) as { teams: { name: string }[] };
const fixtures = Array.from({ length: 1000 }, (_, n) => ({
  home: teams[n % teams.length]?.name ?? '',
  away: teams[(n + 1 + Math.floor(n / teams.length)) % teams.length]?.name ?? '',
}));
const asJson = { 'content-type': 'application/json' };
const list = (body: object): Sent => ({
  path: '/v1/predictions',
  headers: asJson,
  body: JSON.stringify(body),
});
const good = list({ fixtures });
const single = list(fixtures[0] ?? {});
const page: Sent = { path: '/', method: 'GET' };
const inference: Sent = { path: '/v2/models/match-outcome/infer', headers: asJson, body: '{"inputs":[]}' };
const structured = { 'content-type': 'application/cloudevents+json' };

let world: ProcessWorld;
/** What is answered from memory, in ms of CPU: one fixture, and a list of 1000. */
let [hit, hits] = [NaN, NaN];
beforeAll(async () => {
  world = await startProcessWorld({ allowedOrigins: ['https://page.example.org'] });
  for (const { home, away } of fixtures.slice(0, 200)) await cpuOf(world.fetch, list({ home, away }));
  await cpuOf(world.fetch, good);
  hit = await usualCost(world.fetch, single, 500);
  hits = await usualCost(world.fetch, good, 31);
  console.log(`one from memory ${hit.toFixed(3)} ms, 1000 of them ${hits.toFixed(1)} ms`);
});
afterAll(() => world.close());

/** In ms: what costs the caller little may cost 25 hits, and each byte six times what it costs in a list of hits, up to three such lists. */
const budget = (sent: Sent): number =>
  25 * hit + Math.min(3 * hits, bytesOf(sent) * 6 * (hits / bytesOf(good)));

async function expectCheap(sent: Sent): Promise<void> {
  const limit = budget(sent);
  const cost = await leastCost(world.fetch, sent, limit);
  if (cost > limit)
    throw new Error(
      `${cost.toFixed(1)} ms of CPU for ${bytesOf(sent)} bytes, ${limit.toFixed(1)} are allowed: ${JSON.stringify(sent).slice(0, 300)}`,
    );
}
/** Ever longer, so that what grows faster than its length shows before it takes minutes. */
async function expectCheapAt(sizes: readonly number[], make: (size: number) => Sent): Promise<void> {
  for (const size of sizes) await expectCheap(make(size));
}
const bounds = (numRuns: number) => ({ numRuns, seed: 17, endOnFailure: true });

describe('a request is cheap', () => {
  const headers = [
    ...['accept', 'accept-encoding', 'access-control-request-headers', 'content-type', 'idempotency-key'],
    ...[
      'if-none-match',
      'inference-header-content-length',
      'last-event-id',
      'origin',
      'prefer',
      'traceparent',
    ],
    ...['tracestate', 'x-request-id', 'x-mlflow-signature'],
  ];
  test.each(headers)('whatever its header %s', async (name) => {
    const property = fc.asyncProperty(texts, fc.constantFrom<Sent>(single, page, inference), (pump, sent) =>
      expectCheapAt([250, 1000, 4000], (size) => ({
        ...sent,
        headers: { ...sent.headers, [name]: pumped(pump, size) },
      })),
    );
    await fc.assert(property, bounds(60));
  });

  test.each([
    'id',
    'source',
    'type',
    'time',
    'specversion',
    'subject',
    'dataschema',
    'correlationid',
    'tracestate',
  ])('whatever the attribute %s of an event', async (name) => {
    const attributes = { specversion: '1.0', id: '1', source: '/s', type: requestedType };
    const property = fc.asyncProperty(texts, (pump) =>
      expectCheapAt([250, 1000, 4000, 500_000], (size) => {
        const event = { ...attributes, [name]: pumped(pump, size), data: { requests: [] } };
        // What no header can hold goes in the body.
        if (size > 4000) return { path: '/v1/events', headers: structured, body: JSON.stringify(event) };
        const { data, ...given } = event;
        const inHeaders = Object.entries(given).map(([each, value]) => [`ce-${each}`, value]);
        const headers = { ...Object.fromEntries(inHeaders), ...asJson } as Record<string, string>;
        return { path: '/v1/events', headers, body: JSON.stringify(data) };
      }),
    );
    await fc.assert(property, bounds(30));
  });

  const places: [string, (text: string) => string][] = [
    ['/v1/teams?q=', encodeURIComponent],
    ['/v1/teams?league=', encodeURIComponent],
    ['/v1/teams?', (text) => text.replaceAll('#', '')],
    ['/v1/predictions/', encodeURIComponent],
    ['/v1/predictions/x/events?', encodeURIComponent],
    ['/v2/models/', encodeURIComponent],
    ['/assets/', (text) => `${encodeURIComponent(text)}.js`],
    ['/', (text) => text.replaceAll('#', '')],
  ];
  test.each(places)('whatever follows %s', async (begin, written) => {
    const property = fc.asyncProperty(texts, (pump) =>
      expectCheapAt([250, 1000, 4000], (size) => ({
        path: begin + written(pumped(pump, size)),
        method: 'GET',
      })),
    );
    await fc.assert(property, bounds(60));
  });

  test.each([
    ['/v1/predictions', 'application/json'],
    ['/v1/events', 'application/cloudevents+json'],
    ['/v1/events', 'application/cloudevents-batch+json'],
    ['/invocations', 'application/json'],
    ['/v2/models/match-outcome/infer', 'application/json'],
  ])('whatever the body of %s as %s', async (to, type) => {
    const property = fc.asyncProperty(json, fc.boolean(), (pump, whole) =>
      expectCheapAt([4000, 1_000_000], (size) => {
        const text = pumped(pump, size);
        return { path: to, headers: { 'content-type': type }, body: whole ? closed(text) : text };
      }),
    );
    await fc.assert(property, bounds(60));
  });

  test.each(['/', '/openapi.json', '/ping', '/v1/leagues', '/v1/model', '/v1/teams', '/v1/teams?q=a', '/v2'])(
    'GET %s',
    async (to) => {
      const cost = await usualCost(world.fetch, { path: to, method: 'GET' }, 101);

      expect(cost / hit).toBeLessThan(8);
    },
  );
});

describe('1000 unknown names cost at most three times what 1000 known ones do', () => {
  const unknown = (pump: Pump): object[] =>
    fixtures.map(({ away }, n) => ({ home: `${n} ${pumped(pump, 90)}`.slice(0, 100), away }));

  test('over HTTP', async () => {
    const property = fc.asyncProperty(names, async (pump) => {
      expect(await leastCost(world.fetch, list({ fixtures: unknown(pump) }), 3 * hits)).toBeLessThan(
        3 * hits,
      );
    });
    await fc.assert(property, bounds(30));
  });

  test('in an event, where predict looks them up', async () => {
    const predict = (request: Request) => world.predict('/', request);
    const event = (requests: readonly object[]): Sent => ({
      path: '/',
      headers: structured,
      body: JSON.stringify({
        ...{ specversion: '1.0', id: newId(), source: '/s', type: requestedType },
        data: { requests: requests.map((request) => ({ id: newId(), ...request })) },
      }),
    });
    const known = await usualCost(predict, event(fixtures), 7);
    const property = fc.asyncProperty(names, async (pump) => {
      expect(await leastCost(predict, event(unknown(pump)), 3 * known)).toBeLessThan(3 * known);
    });
    await fc.assert(property, bounds(30));
  });
});
