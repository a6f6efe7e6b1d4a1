/** Kinds of the topology operator. It takes each object out of RabbitMQ before it lets it go. */
const rights = ['bindings', 'policies', 'permissions', 'topicpermissions'];
const named = ['users', 'queues', 'exchanges'];
const ofRabbit = (kinds: readonly string[]): string[] => kinds.map((kind) => `${kind}.rabbitmq.com`);
export const topology: readonly string[] = ofRabbit([...rights, ...named]);

/**
 * What is deleted, step by step, each gone before the next. First what lets new work in. The topology objects come before RabbitMQ and its Secret:
 * without them the operator cannot do its part, and a namespace with such an object never ends.
 */
export const steps: readonly { what: string; resources: readonly string[] }[] = [
  {
    what: 'source and tick',
    resources: ['rabbitmqsources.sources.knative.dev', 'pingsources.sources.knative.dev'],
  },
  { what: 'Triggers', resources: ['triggers.eventing.knative.dev'] },
  { what: 'Broker', resources: ['brokers.eventing.knative.dev'] },
  {
    what: 'domain and functions',
    resources: ['domainmappings.serving.knative.dev', 'services.serving.knative.dev'],
  },
  {
    what: 'bindings, policies and rights in RabbitMQ',
    resources: ['rabbitmqbrokerconfigs.eventing.knative.dev', ...ofRabbit(rights)],
  },
  { what: 'queues, exchanges and users in RabbitMQ', resources: ofRabbit(named) },
  {
    what: 'servers',
    resources: [
      ...['statefulsets.apps', 'rabbitmqclusters.rabbitmq.com', 'services', 'configmaps'],
      ...['networkpolicies.networking.k8s.io', 'poddisruptionbudgets.policy'],
    ],
  },
];

/** What is looked at besides: data, and work of somebody else. */
export const beside: readonly string[] = [
  ...['persistentvolumeclaims', 'secrets', 'pods'],
  ...['deployments.apps', 'daemonsets.apps', 'jobs.batch', 'cronjobs.batch'],
];
