import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { startEventing } from '../../../eventing/local/eventing/eventing.ts';
import type { Eventing } from '../../../eventing/local/seams.ts';
import type { Wiring } from '../../../eventing/local/manifests/wiring/wiring.ts';
import { until } from '../../until.ts';
import { url } from './cluster.ts';
import { expectHeaders, headersOf } from './compare.ts';
import { startFunctions, type Functions, type Seen } from './functions.ts';
import { Fault, recording, type Step } from './recordings.ts';
import type { Running, World } from './worlds.ts';

const scale = 0.2;
const delivery = {
  retry: 3,
  backoffPolicy: 'exponential',
  backoffDelayMs: 100,
  deadLetterSink: url('dlsink'),
} as const;

const wiring: Wiring = {
  namespace: 'demo',
  brokers: [{ name: 'b1', queueType: 'classic' }],
  triggers: [
    { name: 't1', broker: 'b1', filter: { type: 't.one' }, subscriber: url('f1'), parallelism: 1, delivery },
  ],
  sources: [],
  pings: [],
  alternates: [],
  topology: { exchanges: [], queues: [], bindings: [] },
};

/** Faults under an event in flight. */
export function testFaults(world: World): void {
  describe.skipIf(world.missing !== undefined)(`faults on the ${world.name}, as recorded`, () => {
    let running: Running;
    let functions: Functions;
    let eventing: Eventing;

    afterEach(async () => {
      await eventing.close(0);
      await functions.close();
      await running.end();
    });
    async function start(): Promise<void> {
      const { amqpUrl, stateFolder } = running;
      eventing = await startEventing({
        wiring,
        amqpUrl,
        stateFolder,
        send: functions.send,
        log: () => undefined,
      });
    }
    async function post(step: Pick<Step, 'rawHeaders' | 'body'>): Promise<number> {
      const headers = headersOf(step.rawHeaders ?? []);
      Reflect.deleteProperty(headers, 'ce-time');
      const body = Buffer.from(step.body ?? '');
      return (await eventing.ingress({ method: 'POST', path: '/', headers, body })).status;
    }

    // Of a dispatcher that is killed the broker knows no more than of one that cuts its call and leaves: a lost connection.
    test.each(['faults-dispatcher-graceful', 'faults-dispatcher-killed'])('%s', async (name) => {
      const recorded = recording(name, Fault);
      const steps = recorded.timeline.filter(
        ({ rawHeaders = [] }) => headersOf(rawHeaders)['ce-id'] !== 'long500',
      );
      steps.splice(steps.findLastIndex(({ status }) => status === 204) + 1);
      running = await world.start();
      functions = await startFunctions(scale);
      await start();
      const published = new Set<string>();
      for (const step of steps) {
        const id = headersOf(step.rawHeaders ?? [])['ce-id'];
        if (id === undefined || published.has(id)) continue;
        published.add(id);
        expect(await post(step)).toBe(202);
      }
      await until(() => functions.seen.length === 1);
      await wait(1000 * scale);
      await eventing.close(0);
      await start();
      await until(() => functions.seen.length === steps.length, { deadline: 20_000 });
      expectSteps(functions.seen, steps);
    });

    test.skipIf(world.name !== 'RabbitMQ')('faults-rabbit-restart', async () => {
      const recorded = recording('faults-rabbit-restart', Fault);
      const steps = recorded.timeline.filter(({ fn }) => fn === 'f1');
      running = await world.start();
      functions = await startFunctions(scale);
      await start();
      const [first, , second] = steps;
      const last = steps.findLast(({ phase }) => phase === 'request');
      if (!first || !second || !last) throw new Error('the recording is empty');
      expect(await post(first)).toBe(202);
      await until(() => functions.seen.length === 1);
      expect(await post(second)).toBe(202);
      await running.rabbit?.stop();
      // While it is down, the ingress says so at once.
      expect(await post(last)).toBe(500);
      await running.rabbit?.start();
      await until(async () => (await post(last)) === 202, { deadline: 20_000 });
      await until(() => functions.seen.length >= steps.length, { deadline: 30_000 });
      expectSteps(functions.seen.slice(0, steps.length), steps);
    });

    test.skip('faults-function-graceful: what a process does on SIGTERM is the runtime’s part');
  });
}

function expectSteps(ours: readonly Seen[], recorded: readonly Step[]): void {
  expect(ours.map(({ fn, phase, status }) => [fn, phase, status])).toEqual(
    recorded.map(({ fn, phase, status }) => [fn, phase, status]),
  );
  for (const [index, { rawHeaders }] of recorded.entries()) {
    if (rawHeaders) expectHeaders(ours[index]?.rawHeaders ?? [], rawHeaders);
  }
}
