import type { HttpRequest, HttpResponse, Log, Send } from '../../seams.ts';
import type { Broker, DeliverySpec, Trigger, Wiring } from '../../manifests/wiring/wiring.ts';
import { brokerUrl } from '../../manifests/wiring/address.ts';
import { dispatcherRetries } from './backoff.ts';
import type { Clock } from './clock.ts';
import { dispatch, dispatchDeadLetter, type DispatcherOptions } from './dispatcher.ts';
import { ingress } from './ingress.ts';
import { brokerNames, triggerNames } from './names.ts';
import { takes } from './match.ts';
import type { Message, Queues } from './queues.ts';
import { brokerTopology, deadLetterRule } from './topology.ts';
import { startWorkers, type Workers } from './workers.ts';

export type BrokersOptions = {
  wiring: Wiring;
  queues: Queues;
  send: Send;
  clock: Clock;
  log: Log;
  stopping: AbortSignal;
  cutting: AbortSignal;
};

/** What applies where neither Trigger nor Broker has a `delivery`. */
const noDelivery: DeliverySpec = { retry: 0, backoffPolicy: 'exponential', backoffDelayMs: 50 };

/** The Brokers of a wiring with the dispatchers of their Triggers, running on `queues`. */
export async function startBrokers(options: BrokersOptions) {
  const { wiring, queues, log, send } = options;
  const { namespace } = wiring;
  const topology = brokerTopology(wiring);
  await queues.declare(topology);

  function receive(broker: string, request: HttpRequest): Promise<HttpResponse> {
    const { exchange } = brokerNames(namespace, broker);
    const say = (line: string): void => {
      log(`${broker}-broker-ingress`, line);
    };
    return ingress(
      request,
      (message) => {
        const line = untaken(exchange, message);
        if (line !== undefined) say(line);
        return queues.publish(exchange, '', message);
      },
      say,
    );
  }

  /** What becomes of an event that no Trigger takes; undefined for one that is taken. */
  function untaken(exchange: string, { headers }: Message): string | undefined {
    const bindings = topology.bindings.filter((binding) => binding.exchange === exchange);
    if (bindings.some((binding) => takes('headers', binding, '', headers))) return undefined;
    const { alternate } = topology.exchanges.find(({ name }) => name === exchange) ?? {};
    const end = alternate === undefined ? 'is dropped' : `goes to exchange ${alternate}`;
    return `no Trigger takes event ${String(headers['id'])} of type ${String(headers['type'])}: it ${end}`;
  }

  /** Sends within this process if the URL is a Broker's ingress. */
  const route: Send = async (url, request, sendOptions) => {
    const broker = wiring.brokers.find(({ name }) => brokerUrl(namespace, name) === url);
    if (!broker) return send(url, request, sendOptions);
    return receive(broker.name, { method: 'POST', path: '/', ...request });
  };

  function dispatcherOptions(name: string, broker: Broker, subscriber: string, spec: DeliverySpec) {
    return {
      ...options,
      send: route,
      retry: spec,
      timeoutMs: spec.timeoutMs,
      retries: dispatcherRetries,
      subscriber,
      ingress: brokerUrl(namespace, broker.name),
      deadLetter: undefined,
      log: (line: string) => {
        log(name, line);
      },
    } satisfies DispatcherOptions;
  }

  async function startTrigger(trigger: Trigger, broker: Broker): Promise<Workers[]> {
    const names = triggerNames(namespace, trigger.name, broker.name);
    const spec = trigger.delivery ?? broker.delivery ?? noDelivery;
    const rule = deadLetterRule(namespace, trigger, broker);
    if (!('exchange' in rule))
      log(trigger.name, `WARNING: ${'dropped' in rule ? rule.dropped : rule.undeclared}`);
    const dispatcher: DispatcherOptions = {
      ...dispatcherOptions(`${trigger.name}-dispatcher`, broker, trigger.subscriber, spec),
      deadLetter: 'exchange' in rule ? (message) => queues.publish(rule.exchange, '', message) : undefined,
    };
    const started = [
      startWorkers(
        queues,
        names.queue,
        trigger.parallelism,
        (delivery) => dispatch(delivery, dispatcher),
        log,
      ),
    ];
    const sink = trigger.delivery?.deadLetterSink;
    if (sink) {
      const letters = dispatcherOptions(`${trigger.name}-dlx-dispatcher`, broker, sink, spec);
      started.push(
        startWorkers(
          queues,
          names.deadLetterQueue,
          trigger.parallelism,
          (delivery) => dispatchDeadLetter(delivery, letters),
          log,
        ),
      );
    }
    return Promise.all(started);
  }

  async function startBroker(broker: Broker): Promise<Workers[]> {
    const triggers = wiring.triggers.filter((trigger) => trigger.broker === broker.name);
    const workers = await Promise.all(triggers.map((trigger) => startTrigger(trigger, broker)));
    const sink = broker.delivery?.deadLetterSink;
    if (!sink || !broker.delivery) return workers.flat();
    // The timeout is not passed on to this dispatcher, and it handles one dead letter at a time.
    const retry: DeliverySpec = { ...broker.delivery, timeoutMs: undefined };
    const letters = dispatcherOptions(`${broker.name}-dlq-dispatcher`, broker, sink, retry);
    const { deadLetterQueue } = brokerNames(namespace, broker.name);
    const own = await startWorkers(
      queues,
      deadLetterQueue,
      1,
      (delivery) => dispatchDeadLetter(delivery, letters),
      log,
    );
    return [...workers.flat(), own];
  }

  const workers = (await Promise.all(wiring.brokers.map(startBroker))).flat();
  return {
    receive,
    /** `send`, with the Brokers' ingresses answered within this process. */
    route,
    async stop(): Promise<void> {
      await Promise.all(workers.map((each) => each.stop()));
    },
  };
}
