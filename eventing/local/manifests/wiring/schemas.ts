import * as v from 'valibot';
import { Duration } from './duration.ts';

const text = v.pipe(v.string(), v.minLength(1, 'is empty'));
const name = v.pipe(
  text,
  v.maxLength(253),
  v.regex(/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/, 'must be a lower-case DNS name'),
);

function metadata<A extends v.ObjectEntries>(annotations: A) {
  return v.strictObject({
    name,
    namespace: v.optional(name),
    labels: v.optional(v.record(text, v.string())),
    annotations: v.optional(v.strictObject(annotations)),
  });
}

const quantity = v.pipe(v.string(), v.regex(/^\d+(m|Mi|Gi)?$/, 'must be a quantity, such as 10m or 24Mi'));
/** Requests and limits of the pods that eventing-rabbitmq makes; one machine has none of them. */
const podResources = {
  'rabbitmq.eventing.knative.dev/cpu-request': v.optional(quantity),
  'rabbitmq.eventing.knative.dev/cpu-limit': v.optional(quantity),
  'rabbitmq.eventing.knative.dev/memory-request': v.optional(quantity),
  'rabbitmq.eventing.knative.dev/memory-limit': v.optional(quantity),
};

const clusterReference = v.strictObject({
  namespace: v.optional(name),
  connectionSecret: v.strictObject({ name }),
});

const serviceRef = v.strictObject({
  apiVersion: v.literal(
    'serving.knative.dev/v1',
    'must be serving.knative.dev/v1: the local platform delivers to functions only',
  ),
  kind: v.literal('Service'),
  name,
  namespace: v.optional(name),
});
const brokerRef = v.strictObject({
  apiVersion: v.literal('eventing.knative.dev/v1'),
  kind: v.literal('Broker', 'must be a Broker'),
  name,
  namespace: v.optional(name),
});

/** A function, with a path on it: `uri` beside `ref` is resolved against the function's URL. */
const functionDestination = v.strictObject({
  ref: serviceRef,
  uri: v.optional(v.pipe(v.string(), v.regex(/^\/[^?#]*$/, 'must be a path, such as /dead-letters'))),
});
const brokerDestination = v.strictObject({ ref: brokerRef });

const retry = {
  retry: v.pipe(v.number(), v.integer(), v.minValue(0)),
  backoffPolicy: v.picklist(['linear', 'exponential'], 'must be linear or exponential'),
  backoffDelay: Duration,
};

/** Every field is required: the default of a missing one differs from Broker class to Broker class. */
const delivery = v.strictObject(
  { ...retry, timeout: Duration, deadLetterSink: functionDestination },
  'a delivery with retry, backoffPolicy, backoffDelay, timeout and deadLetterSink is required: without deadLetterSink, failed events are lost',
);

const parallelism = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000));

export const BrokerConfig = v.strictObject({
  apiVersion: v.literal('eventing.knative.dev/v1alpha1'),
  kind: v.literal('RabbitmqBrokerConfig'),
  metadata: metadata({}),
  spec: v.strictObject({
    rabbitmqClusterReference: clusterReference,
    queueType: v.optional(v.picklist(['quorum', 'classic']), 'quorum'),
  }),
});

export const BrokerManifest = v.strictObject({
  apiVersion: v.literal('eventing.knative.dev/v1'),
  kind: v.literal('Broker'),
  metadata: metadata({
    'eventing.knative.dev/broker.class': v.literal('RabbitMQBroker', 'must be RabbitMQBroker'),
    ...podResources,
  }),
  spec: v.strictObject({
    config: v.strictObject({
      apiVersion: v.literal('eventing.knative.dev/v1alpha1'),
      kind: v.literal('RabbitmqBrokerConfig'),
      name,
      namespace: name,
    }),
    delivery,
  }),
});

export const TriggerManifest = v.strictObject({
  apiVersion: v.literal('eventing.knative.dev/v1'),
  kind: v.literal('Trigger'),
  metadata: metadata({
    'rabbitmq.eventing.knative.dev/parallelism': v.pipe(
      v.string(),
      v.regex(/^\d+$/),
      v.transform(Number),
      parallelism,
    ),
    ...podResources,
  }),
  spec: v.strictObject({
    broker: name,
    filter: v.optional(
      v.strictObject({
        attributes: v.record(
          v.pipe(
            v.string(),
            v.regex(/^[a-z][a-z0-9]*$/, 'attribute names have lower-case letters and digits only'),
          ),
          v.pipe(
            v.string('must be text: a header that is text equals no other type'),
            v.minLength(1, 'an empty value matches no event in this Broker'),
          ),
        ),
      }),
    ),
    subscriber: functionDestination,
    delivery,
  }),
});

export const SourceManifest = v.strictObject({
  apiVersion: v.literal('sources.knative.dev/v1alpha1'),
  kind: v.literal('RabbitmqSource'),
  metadata: metadata(podResources),
  spec: v.strictObject({
    rabbitmqClusterReference: clusterReference,
    rabbitmqResourcesConfig: v.strictObject({
      queueName: text,
      exchangeName: v.optional(text),
      predeclared: v.literal(
        true,
        'must be true: queues are declared in queue.yaml, where their arguments are',
      ),
      parallelism,
    }),
    delivery: v.strictObject(retry),
    sink: brokerDestination,
  }),
});

export const PingManifest = v.strictObject({
  apiVersion: v.literal('sources.knative.dev/v1'),
  kind: v.literal('PingSource'),
  metadata: metadata({}),
  spec: v.strictObject({
    schedule: text,
    timezone: v.optional(text),
    contentType: v.optional(text),
    data: v.optional(v.string()),
    sink: brokerDestination,
  }),
});

const rabbitObject = { apiVersion: v.literal('rabbitmq.com/v1beta1'), metadata: metadata({}) };
const rabbitSpec = {
  name: text,
  durable: v.literal(true, 'must be true'),
  rabbitmqClusterReference: clusterReference,
};
const rabbitArguments = v.optional(v.record(text, v.union([v.string(), v.number(), v.boolean()])), {});

export const ExchangeManifest = v.strictObject({
  ...rabbitObject,
  kind: v.literal('Exchange'),
  spec: v.strictObject({ ...rabbitSpec, type: v.picklist(['headers', 'direct', 'fanout', 'topic']) }),
});

export const QueueManifest = v.strictObject({
  ...rabbitObject,
  kind: v.literal('Queue'),
  spec: v.strictObject({
    ...rabbitSpec,
    type: v.picklist(['quorum', 'classic']),
    deletionPolicy: v.optional(v.picklist(['retain', 'delete'])),
    arguments: rabbitArguments,
  }),
});

export const BindingManifest = v.strictObject({
  ...rabbitObject,
  kind: v.literal('Binding'),
  spec: v.strictObject({
    source: text,
    destination: text,
    destinationType: v.literal('queue'),
    routingKey: v.optional(v.string(), ''),
    arguments: rabbitArguments,
    rabbitmqClusterReference: clusterReference,
  }),
});

const vhost = v.literal('/', 'must be /: eventing has no other virtual host');
const regularExpression = v.pipe(
  text,
  v.check((pattern) => {
    try {
      new RegExp(pattern);
      return true;
    } catch {
      return false;
    }
  }, 'must be a regular expression'),
);
const userReference = v.strictObject({ name });

/** Of what a policy can say, the alternate exchange of exchanges: an argument does the same over AMQP. */
export const PolicyManifest = v.strictObject({
  ...rabbitObject,
  kind: v.literal('Policy'),
  spec: v.strictObject({
    name: text,
    vhost: v.optional(vhost),
    pattern: regularExpression,
    applyTo: v.literal('exchanges', 'must be exchanges: what a queue is to have are arguments of it'),
    definition: v.strictObject({ 'alternate-exchange': text }),
    rabbitmqClusterReference: clusterReference,
  }),
});

/** Users and their rights are not for AMQP to make: read, so that a fault in them is told. */
export const UserManifest = v.strictObject({
  ...rabbitObject,
  kind: v.literal('User'),
  spec: v.strictObject({
    importCredentialsSecret: v.strictObject({ name }),
    rabbitmqClusterReference: clusterReference,
  }),
});

export const PermissionManifest = v.strictObject({
  ...rabbitObject,
  kind: v.literal('Permission'),
  spec: v.strictObject({
    vhost,
    userReference,
    permissions: v.strictObject({
      configure: regularExpression,
      write: regularExpression,
      read: regularExpression,
    }),
    rabbitmqClusterReference: clusterReference,
  }),
});

export const TopicPermissionManifest = v.strictObject({
  ...rabbitObject,
  kind: v.literal('TopicPermission'),
  spec: v.strictObject({
    vhost,
    userReference,
    permissions: v.strictObject({ exchange: text, write: regularExpression, read: regularExpression }),
    rabbitmqClusterReference: clusterReference,
  }),
});

/** The schema of each kind that the local platform honours. */
export const manifests = {
  RabbitmqBrokerConfig: BrokerConfig,
  Broker: BrokerManifest,
  Trigger: TriggerManifest,
  RabbitmqSource: SourceManifest,
  PingSource: PingManifest,
  Exchange: ExchangeManifest,
  Queue: QueueManifest,
  Binding: BindingManifest,
  Policy: PolicyManifest,
  User: UserManifest,
  Permission: PermissionManifest,
  TopicPermission: TopicPermissionManifest,
};
export type Kind = keyof typeof manifests;
export type Parsed<K extends Kind> = v.InferOutput<(typeof manifests)[K]>;
