import type { Broker, Trigger, Wiring } from '../../manifests/wiring/wiring.ts';
import { brokerNames, triggerNames } from './names.ts';
import type { Topology } from './queues.ts';

/** Where the dispatcher of a Trigger publishes what it could not deliver. */
export type DeadLetterRule =
  | { exchange: string }
  /** `delivery` without a sink: dropped, the Broker's sink is not used. */
  | { dropped: string }
  /** Neither has a sink. In the cluster the exchange is named but never declared: the publish kills the channel, the event is lost. */
  | { undeclared: string };

/** The four cases of eventing-rabbitmq (pkg/reconciler/trigger): a Trigger's `delivery` replaces the Broker's as a whole. */
export function deadLetterRule(namespace: string, trigger: Trigger, broker: Broker): DeadLetterRule {
  const names = brokerNames(namespace, broker.name);
  if (trigger.delivery) {
    return trigger.delivery.deadLetterSink
      ? { exchange: triggerNames(namespace, trigger.name, broker.name).deadLetterExchange }
      : {
          dropped: `Trigger ${trigger.name} has a delivery without deadLetterSink: failed events are LOST, the Broker's dead-letter sink does not apply`,
        };
  }
  return broker.delivery?.deadLetterSink
    ? { exchange: names.deadLetterExchange }
    : {
        undeclared: `neither Trigger ${trigger.name} nor Broker ${broker.name} has a deadLetterSink: failed events are LOST, and in the cluster the dispatcher loses its channel too`,
      };
}

/** What eventing-rabbitmq creates in RabbitMQ for the Brokers and Triggers of a wiring. */
export function brokerTopology({ namespace, brokers, triggers, alternates }: Wiring): Topology {
  const topology: Topology = { exchanges: [], queues: [], bindings: [] };
  for (const broker of brokers) {
    const names = brokerNames(namespace, broker.name);
    const brokerSink = broker.delivery?.deadLetterSink ? names.deadLetterExchange : undefined;
    topology.exchanges.push({
      ...{ name: names.exchange, type: 'headers' },
      // In the cluster by a policy, which cannot be set over AMQP.
      alternate: alternates.find(({ pattern }) => pattern.test(names.exchange))?.exchange,
    });
    if (brokerSink !== undefined) {
      // The cluster's policy for a Broker matches all queues that end in its uid, its dead-letter queue too.
      deadLetters(
        topology,
        names,
        broker.queueType,
        { 'x-knative-dlq': broker.name },
        names.deadLetterExchange,
      );
    }
    for (const trigger of triggers.filter((each) => each.broker === broker.name)) {
      const own = triggerNames(namespace, trigger.name, broker.name);
      const rule = deadLetterRule(namespace, trigger, broker);
      topology.queues.push({
        name: own.queue,
        arguments: queueArguments(broker.queueType, 'exchange' in rule ? rule.exchange : brokerSink),
      });
      topology.bindings.push({
        exchange: names.exchange,
        queue: own.queue,
        routingKey: '',
        arguments: { ...trigger.filter, 'x-knative-trigger': trigger.name, 'x-match': 'all' },
      });
      if (trigger.delivery?.deadLetterSink) {
        deadLetters(topology, own, broker.queueType, { 'x-knative-trigger': trigger.name });
      }
    }
  }
  return topology;
}

function deadLetters(
  topology: Topology,
  names: { deadLetterExchange: string; deadLetterQueue: string },
  queueType: Broker['queueType'],
  mark: Record<string, string>,
  deadLetterExchange?: string,
): void {
  topology.exchanges.push({ name: names.deadLetterExchange, type: 'headers' });
  topology.queues.push({
    name: names.deadLetterQueue,
    arguments: queueArguments(queueType, deadLetterExchange),
  });
  topology.bindings.push({
    exchange: names.deadLetterExchange,
    queue: names.deadLetterQueue,
    routingKey: '',
    arguments: { ...mark, 'x-match': 'all' },
  });
}

/**
 * The cluster sets the dead-letter exchange by a policy, which AMQP cannot set: here a queue argument has the same effect. It matters only for
 * messages that the server itself gives up (delivery limit); the dispatcher publishes its own.
 */
function queueArguments(type: Broker['queueType'], deadLetterExchange: string | undefined) {
  return {
    'x-queue-type': type,
    ...(deadLetterExchange === undefined ? {} : { 'x-dead-letter-exchange': deadLetterExchange }),
  };
}
