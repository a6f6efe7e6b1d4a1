import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEventing } from '../../../eventing/local/eventing/eventing.ts';
import type { Eventing } from '../../../eventing/local/seams.ts';
import { until } from '../../until.ts';
import { brokerName, wiringFor } from './cluster.ts';
import { expectHeaders, expectWaits, headersOf, waits } from './compare.ts';
import { startFunctions, type Functions, type Seen } from './functions.ts';
import { DeliveryCase, recording, recordings } from './recordings.ts';
import { skipped } from './skips.ts';
import { timelinesById, type Timed } from './timelines.ts';
import type { Running, World } from './worlds.ts';

const scale = 0.2;
const byId = timelinesById();
const all = recordings('broker-delivery-').map((name) => {
  const recorded = recording(name, DeliveryCase);
  const replies = [...byId.values()].flat().filter((step) => belongs(step, recorded));
  return { name, recorded, steps: replies.sort((a, b) => a.t - b.t) };
});
const cases = all.filter(({ name }) => !(name in skipped));

/** Whether a step is of the case's event or of a reply to it: a reply can have any id, but it was made within the case. */
function belongs(step: Timed, { id, ingress, timeline }: DeliveryCase): boolean {
  if (step.id === id || step.id === `re-${id}`) return true;
  return step.fn === 'sink' && timeline.some(({ t, fn }) => fn === 'sink' && ingress.t0 + t === step.t);
}

/** Delivery to a subscriber, retries, replies and dead letters: one event per case through Broker and Trigger. */
export function testDelivery(world: World): void {
  describe.skipIf(world.missing !== undefined)(`delivery on the ${world.name}, as recorded`, () => {
    let running: Running;
    let functions: Functions;
    let eventing: Eventing;
    let equal = 0;

    beforeAll(async () => {
      running = await world.start();
      functions = await startFunctions(scale);
      eventing = await startEventing({
        wiring: wiringFor(cases, scale),
        amqpUrl: running.amqpUrl,
        stateFolder: running.stateFolder,
        send: functions.send,
        log: () => undefined,
      });
    });
    afterAll(async () => {
      await eventing.close(100);
      await functions.close();
      await running.end();
      console.log(
        `${world.name}: ${cases.length} delivery recordings replayed, ${equal} equal, ${all.length - cases.length} skipped`,
      );
    });

    for (const [name, reason] of Object.entries(skipped)) test.skip(`${name}: ${reason}`);

    test.concurrent.each(cases.map((each, index) => [each.name, each, index] as const))(
      '%s',
      async (_, { recorded, steps }, index) => {
        answerAsPlatform(functions, recorded, steps);
        const { headers, body } = published(recorded, steps);
        const host = `${brokerName(index)}-broker-ingress.demo.svc.cluster.local`;
        const request = { method: 'POST', path: '/', headers: { ...headers, host }, body };
        const { status } = await eventing.ingress(request);
        expect(status).toBe(recorded.ingress.status);

        const ours = () => stepsOf(functions.seen, recorded.id, steps);
        const cut =
          steps.filter(({ phase }) => phase === 'request').length >
          steps.filter(({ phase }) => phase === 'response').length;
        await until(() => ours().length >= steps.length, { deadline: 20_000, what: `${steps.length} steps` });
        if (!cut) await settled(eventing, index);
        // A recording that ended before the answer shows how it began.
        const seen = cut ? ours().slice(0, steps.length) : ours();
        expect(seen.map(line)).toEqual(steps.map(line));
        expectRequests(seen, steps);
        for (const fn of ['f1', 'dlsink']) {
          const gaps = waits(steps.filter((step) => step.fn === fn));
          expectWaits(waits(seen.filter((step) => step.fn === fn)), gaps, scale);
        }
        equal++;
      },
    );
  });
}

/** The steps of a case's event and of its replies, whose ids are the recorded ones or, where they are random, known by the reply's text. */
function stepsOf(seen: readonly Seen[], id: string, recorded: readonly Timed[]): Seen[] {
  const ids = new Set([id, `re-${id}`, ...recorded.map((step) => step.id)]);
  for (const step of seen)
    if (step.body?.includes(`"of":"${id}"`) && step.phase === 'request') ids.add(step.id);
  return seen.filter((step) => ids.has(step.id));
}

function line({
  fn,
  phase,
  url,
  status,
}: {
  fn: string;
  phase: string;
  url?: string | undefined;
  status?: number | undefined;
}) {
  return [fn, phase, phase === 'request' ? url : status].join(' ');
}

/**
 * Where the recorded function never saw the event and yet its dead letter has a code, something before it had answered: a platform
 * without a process, a closed port. The replay answers the same in its place.
 */
function answerAsPlatform(functions: Functions, { id }: DeliveryCase, steps: readonly Timed[]): void {
  const dead = steps.find(({ fn, phase }) => fn === 'dlsink' && phase === 'request');
  if (!dead || steps.some(({ fn }) => fn === 'f1')) return;
  const headers = headersOf(dead.rawHeaders ?? []);
  const destination = new URL(headers['ce-knativeerrordest'] ?? '');
  functions.platform.set(
    `${destination.host.split('.')[0] ?? ''}/${id}`,
    Number(headers['ce-knativeerrorcode']),
  );
}

/** The request to the ingress, from the first one that came out: a time of the recording's own day was made on the way. */
function published({ id, type, data }: DeliveryCase, steps: readonly Timed[]) {
  const first = steps.find((step) => step.phase === 'request' && step.id === id);
  const headers = headersOf(first?.rawHeaders ?? []);
  for (const name of ['ce-knativeerrordest', 'ce-knativeerrorcode']) Reflect.deleteProperty(headers, name);
  if (headers['ce-time']?.startsWith('2026-11-24')) Reflect.deleteProperty(headers, 'ce-time');
  const body = first?.body ?? (data === null ? '' : JSON.stringify(data));
  return { headers: { ...headers, 'ce-id': id, 'ce-type': type }, body: Buffer.from(body) };
}

async function settled(eventing: Eventing, index: number): Promise<void> {
  await until(
    () =>
      eventing
        .status()
        .filter(
          ({ queue }) =>
            queue.startsWith(`demo.t${index}.`) ||
            queue.startsWith(`demo.r${index}.`) ||
            queue.startsWith(`t.demo.t${index}.`),
        )
        .every(({ ready, inFlight }) => ready + inFlight === 0),
    { deadline: 20_000 },
  );
}

function expectRequests(ours: readonly Seen[], recorded: readonly Timed[]): void {
  for (const [index, step] of ours.entries()) {
    const wanted = recorded[index];
    if (step.phase !== 'request' || !wanted?.rawHeaders) continue;
    expectHeaders(step.rawHeaders ?? [], wanted.rawHeaders);
    expect(step.body).toBe(wanted.body);
  }
}
