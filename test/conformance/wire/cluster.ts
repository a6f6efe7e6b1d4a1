import type { DeliverySpec, Trigger, Wiring } from '../../../eventing/local/manifests/wiring/wiring.ts';
import { waits } from './compare.ts';
import type { DeliveryCase } from './recordings.ts';
import type { Timed } from './timelines.ts';

export const url = (fn: string) => `http://${fn}.demo.svc.cluster.local`;

/** The case's Trigger in the recorded cluster, by the type of the event; the recordings themselves do not hold it. `scale` shortens all times. */
const triggers: Record<string, { subscriber: string; delivery: DeliverySpec | undefined }> = {
  't.one': { subscriber: url('f1'), delivery: spec(3, 500, { deadLetterSink: url('dlsink') }) },
  'td.one': { subscriber: url('f1'), delivery: spec(1, 150) },
  'to.one': {
    subscriber: url('f1'),
    delivery: spec(1, 150, { timeoutMs: 2000, deadLetterSink: url('dlsink') }),
  },
  'gone.one': {
    subscriber: 'http://10.77.0.10:9998/nobody-listens',
    delivery: spec(2, 200, { deadLetterSink: url('dlsink') }),
  },
};

function spec(retry: number, backoffDelayMs: number, more: Partial<DeliverySpec> = {}): DeliverySpec {
  return { retry, backoffPolicy: 'exponential', backoffDelayMs, ...more };
}

/** A Trigger unknown here: as many retries as were recorded, the delay from the first wait, a sink where one got something. */
function inferred(steps: readonly Timed[]): DeliverySpec {
  const tries = steps.filter(({ fn, phase }) => fn !== 'dlsink' && fn !== 'sink' && phase === 'request');
  const [first = 300] = waits(steps.filter(({ fn }) => fn === tries[0]?.fn));
  const dead = steps.some(({ fn }) => fn === 'dlsink');
  return spec(Math.max(0, tries.length - 1), first / 2, dead ? { deadLetterSink: url('dlsink') } : {});
}

/** One Broker for each case, so that cases run side by side: the case's Trigger, and the one that takes replies to `sink`. */
export function wiringFor(
  cases: readonly { recorded: DeliveryCase; steps: Timed[] }[],
  scale: number,
): Wiring {
  const short = (delivery: DeliverySpec): DeliverySpec => ({
    ...delivery,
    backoffDelayMs: delivery.backoffDelayMs * scale,
    ...(delivery.timeoutMs === undefined ? {} : { timeoutMs: delivery.timeoutMs * scale }),
  });
  const taken = cases.flatMap(({ recorded, steps }, index): Trigger[] => {
    const broker = brokerName(index);
    const known = triggers[recorded.type] ?? { subscriber: url('f1'), delivery: inferred(steps) };
    const common = { broker, parallelism: 1 };
    return [
      {
        ...common,
        name: `t${index}`,
        filter: { type: recorded.type },
        subscriber: known.subscriber,
        delivery: known.delivery && short(known.delivery),
      },
      {
        ...common,
        name: `r${index}`,
        filter: { type: 'reply' },
        subscriber: url('sink'),
        delivery: spec(0, 1),
      },
    ];
  });
  return {
    namespace: 'demo',
    brokers: cases.map((_, index) => ({ name: brokerName(index), queueType: 'classic' })),
    triggers: taken,
    sources: [],
    pings: [],
    alternates: [],
    topology: { exchanges: [], queues: [], bindings: [] },
  };
}

export const brokerName = (index: number) => `b${index}`;
