import { createHash } from 'node:crypto';

/** The uid of a Kubernetes object. It comes from kind and name, so that queues are found again after a restart. */
export function uid(kind: 'broker' | 'trigger', namespace: string, name: string): string {
  const hex = createHash('sha256').update(`${kind}/${namespace}/${name}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Names in RabbitMQ of a Broker's objects (eventing-rabbitmq, pkg/rabbitmqnaming). */
export function brokerNames(namespace: string, broker: string) {
  const id = uid('broker', namespace, broker);
  return {
    exchange: `b.${namespace}.${broker}.${id}`,
    deadLetterExchange: `b.${namespace}.${broker}.dlx.${id}`,
    deadLetterQueue: `b.${namespace}.${broker}.dlq.${id}`,
  };
}

/** Names in RabbitMQ of a Trigger's objects. Its queue carries the uid of its Broker, the others that of the Trigger. */
export function triggerNames(namespace: string, trigger: string, broker: string) {
  const id = uid('trigger', namespace, trigger);
  return {
    queue: `${namespace}.${trigger}.${uid('broker', namespace, broker)}`,
    deadLetterExchange: `t.${namespace}.${trigger}.dlx.${id}`,
    deadLetterQueue: `t.${namespace}.${trigger}.dlq.${id}`,
  };
}
