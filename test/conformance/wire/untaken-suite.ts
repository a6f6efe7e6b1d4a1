import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBrokers } from '../../../eventing/local/eventing/broker/broker.ts';
import { systemClock } from '../../../eventing/local/eventing/broker/clock.ts';
import type { Delivery, Queues } from '../../../eventing/local/eventing/broker/queues.ts';
import type { Workers } from '../../../eventing/local/eventing/broker/workers.ts';
import { startSource } from '../../../eventing/local/eventing/source/source.ts';
import { readWiring } from '../../../eventing/local/manifests/wiring/read.ts';
import { functionNames } from '../../../functions/bundle.ts';
import { refusedType, requestedType } from '../../../functions/shared/events/events.ts';
import { until } from '../../until.ts';
import { recorder } from '../../eventing/local/eventing/world.ts';
import { type ProcessWorld, startProcessWorld } from '../world.ts';
import { recording, recordings, SourceCase } from './recordings.ts';
import type { Running, World } from './worlds.ts';

const shipped = readWiring(path.resolve(import.meta.dirname, '../../../eventing'), functionNames());
const forms = recordings('source-').filter((name) => name !== 'source-source-sink-failures');

// producer ---> kickoff.requests ---> ml ---[source]---> Broker ---> no Trigger ---> ml.dead
//                                      ├--- refused ------------------------------> ml.dead
//                                      └---> Broker ---> predict --- refused -----> ml.dead

type Refused = { reason: string; event?: object; headers?: object; body?: string };

/** As eventing/queue.yaml says. */
export const shippedAlternates = async (): Promise<typeof shipped.alternates> => shipped.alternates;

/**
 * Every form of message that was recorded, none of which is an event for us, on the shipped wiring. `alternates` gives the wiring how the Broker's
 * exchange gets its alternate one, before it is there.
 */
export function testUntaken(
  world: World,
  how: string,
  alternates: (running: Running) => Promise<typeof shipped.alternates>,
): void {
  describe.skipIf(world.missing !== undefined)(`what no Trigger takes, on the ${world.name}, ${how}`, () => {
    // The functions as they are, in this process.
    const { got, send } = recorder(async ({ url, headers, body }) => {
      const { hostname, pathname } = new URL(url);
      const init = { method: 'POST', headers, body };
      const response = await (hostname.startsWith('predict.')
        ? functions.predict(pathname, init)
        : functions.cacheWrite(pathname, init));
      const answered = Object.fromEntries(response.headers);
      return { status: response.status, headers: answered, body: await response.bytes() };
    });
    let functions: ProcessWorld;
    const ending = new AbortController();
    const dead: Delivery[] = [];
    const lines: string[] = [];
    let running: Running;
    let queues: Queues;
    let brokers: Awaited<ReturnType<typeof startBrokers>>;
    let source: Workers;

    beforeAll(async () => {
      functions = await startProcessWorld();
      running = await world.start();
      queues = await running.open();
      await queues.declare(shipped.topology);
      const wiring = { ...shipped, alternates: await alternates(running) };
      const log = (_: string, line: string): void => void lines.push(line);
      const parts = { queues, clock: systemClock, log };
      const ends = { stopping: ending.signal, cutting: ending.signal };
      brokers = await startBrokers({ ...parts, ...ends, wiring, send });
      const [ml] = shipped.sources;
      if (!ml) throw new Error('there is no source');
      source = await startSource({
        ...{ ...parts, ...ends, source: ml, namespace: shipped.namespace, send: brokers.route },
      });
      await queues.consume('ml.dead', 100, (delivery) => {
        dead.push(delivery);
        delivery.ack();
      });
    });
    afterAll(async () => {
      ending.abort();
      await Promise.all([brokers.stop(), source.stop()]);
      await queues.close();
      await running.end();
      await functions.close();
    });

    test.each(forms)('%s is in ml.dead, once, and reaches no function', async (name) => {
      const { published, received } = recording(name, SourceCase);
      const { headers = {}, body = '', bodyB64, props } = published;
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const content = bodyB64 === undefined ? Buffer.from(text) : Buffer.from(bodyB64, 'base64');
      const before = dead.length;
      await queues.publish('kickoff.requests', 'ml', {
        headers,
        contentType: props['contentType'] as string | undefined,
        messageId: props['messageId'] as string | undefined,
        body: content,
      });
      await until(() => dead.length > before, { what: `${name} is in ml.dead` });
      const [letter] = dead.slice(before);
      if (received.length === 0) {
        // As it came: the source refused it.
        expect(Buffer.from(letter?.body ?? []).toString()).toBe(content.toString());
        expect(letter?.headers['type'] ?? '').toBe(headers['type'] ?? '');
        if (running.rabbit)
          expect(letter?.headers['x-death']).toMatchObject([{ queue: 'ml', reason: 'rejected' }]);
        expect(lines.at(-1)).toMatch(/^refused a message of queue ml: /);
      } else {
        // As the event that it became: its type is one that no Trigger takes.
        expect(letter?.headers).toMatchObject({
          type: expect.stringMatching(/^(dev\.knative\.rabbitmq\.event|com\.example\.made|t)$/) as string,
          source: expect.any(String) as string,
        });
        expect(letter?.headers).not.toHaveProperty('x-death');
        expect(lines.at(-1)).toMatch(
          /^no Trigger takes event .* of type \S+: it (is dropped|goes to exchange)/,
        );
      }
      expect(queues.counts().filter(({ queue }) => queue === 'ml')).toEqual([
        expect.objectContaining({ inFlight: 0 }),
      ]);
      expect(dead).toHaveLength(before + 1);
      expect(got).toEqual([]);
    });

    const ours = (headers: Record<string, string> = {}) => ({
      ...{ 'ce-specversion': '1.0', 'ce-type': requestedType, 'ce-source': '/test', 'ce-id': 'e-1' },
      ...{ 'ce-time': '2026-01-02T03:04:05Z', 'content-type': 'application/json', ...headers },
    });
    const noId = JSON.stringify({ requests: [{ home: 'Arsenal', away: 'Chelsea' }] });
    test.each<[string, Record<string, string>, string, RegExp]>([
      ['broken data', ours(), '{nope', /not valid JSON/],
      ['no data', ours(), '', /no requests/],
      ['data of another shape', ours(), '{}', /no requests/],
      ['requests without an id', ours(), noId, /no readable id/],
      [
        'data that are text',
        ours({ 'content-type': 'text/plain' }),
        'Arsenal',
        /text\/plain is not supported/,
      ],
      ['half an escape', ours({ 'ce-correlationid': '50% off' }), '{}', /ce-correlationid|no requests/],
      ['a source that is too long', ours({ 'ce-source': `/${'s'.repeat(300)}` }), noId, /source is too long/],
    ])(
      'an event of our type with %s reaches predict, and is in ml.dead with the reason',
      async (_, headers, body, reason) => {
        const [before, asked] = [dead.length, got.length];
        await queues.publish('kickoff.requests', 'ml', { headers, body: Buffer.from(body) });
        await until(() => dead.length > before, { what: 'it is in ml.dead' });
        const [letter] = dead.slice(before);
        expect(letter?.headers).toMatchObject({ type: refusedType, source: '/kickoff/predict' });
        const data = JSON.parse(Buffer.from(letter?.body ?? []).toString()) as Refused;
        expect(data.reason).toMatch(reason);
        // What came is all there.
        if (data.event) expect(data.event).toMatchObject({ id: 'e-1', type: requestedType });
        else {
          expect(data.body).toBe(body);
          expect(data.headers).toMatchObject({ 'ce-id': 'e-1', 'ce-type': requestedType });
        }
        expect(dead).toHaveLength(before + 1);
        expect(got).toHaveLength(asked + 1);
      },
    );
  });
}
