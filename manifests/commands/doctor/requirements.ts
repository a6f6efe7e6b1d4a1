const serving =
  'install Knative Serving 1.22 or later with Kourier 1.21 or later (knative.dev/docs/install/yaml-install/serving)';
const eventing = 'install Knative Eventing 1.22 or later (knative.dev/docs/install/yaml-install/eventing)';
const rabbit =
  'install eventing-rabbitmq 1.21 or later: rabbitmq-broker.yaml and rabbitmq-source.yaml of its release';
const topology = 'install the RabbitMQ messaging topology operator 1.20 or later (it needs cert-manager)';
/** The kind of the cluster operator, as a file of its release. */
const clusterKind =
  'https://github.com/rabbitmq/cluster-operator/raw/v2.22.1/config/crd/bases/rabbitmq.com_rabbitmqclusters.yaml';

/** Kinds that a cluster must serve: the CRD's name, the version, what to do if it is missing. */
export const crds: readonly [name: string, version: string, remedy: string][] = [
  ['services.serving.knative.dev', 'v1', serving],
  ['domainmappings.serving.knative.dev', 'v1beta1', serving],
  ['clusterdomainclaims.networking.internal.knative.dev', 'v1alpha1', serving],
  ['brokers.eventing.knative.dev', 'v1', eventing],
  ['triggers.eventing.knative.dev', 'v1', eventing],
  ['pingsources.sources.knative.dev', 'v1', eventing],
  ['rabbitmqbrokerconfigs.eventing.knative.dev', 'v1alpha1', rabbit],
  ['rabbitmqsources.sources.knative.dev', 'v1alpha1', rabbit],
  [
    'rabbitmqclusters.rabbitmq.com',
    'v1beta1',
    `without it the topology operator starts no controller, and no Broker gets ready: kubectl apply --server-side -f ${clusterKind}`,
  ],
  ['exchanges.rabbitmq.com', 'v1beta1', topology],
  ['queues.rabbitmq.com', 'v1beta1', topology],
  ['bindings.rabbitmq.com', 'v1beta1', topology],
  ['policies.rabbitmq.com', 'v1beta1', topology],
  ['users.rabbitmq.com', 'v1beta1', topology],
  ['permissions.rabbitmq.com', 'v1beta1', topology],
  ['topicpermissions.rabbitmq.com', 'v1beta1', topology],
];

/** Deployments that must be ready: namespace and name, the least version if stated, what to do otherwise. */
export const operators: readonly [name: string, least: string, remedy: string][] = [
  ['knative-serving/controller', '1.22', serving],
  ['knative-serving/activator', '1.22', serving],
  ['knative-serving/autoscaler', '1.22', serving],
  ['knative-serving/webhook', '1.22', serving],
  ['knative-serving/net-kourier-controller', '1.21', serving],
  ['kourier-system/3scale-kourier-gateway', '', serving],
  ['knative-eventing/eventing-controller', '1.22', eventing],
  ['knative-eventing/eventing-webhook', '1.22', eventing],
  ['knative-eventing/rabbitmq-broker-controller', '1.21', rabbit],
  ['knative-eventing/rabbitmq-broker-webhook', '1.21', rabbit],
  ['knative-sources/rabbitmq-controller-manager', '1.21', rabbit],
  ['knative-sources/rabbitmq-webhook', '1.21', rabbit],
  ['rabbitmq-system/messaging-topology-operator', '1.20', topology],
];

/** Every kind that README's steps create, by the name that permissions use; a test compares it with the overlays. */
export const created: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  Secret: 'secrets',
  ConfigMap: 'configmaps',
  Service: 'services',
  StatefulSet: 'statefulsets.apps',
  NetworkPolicy: 'networkpolicies.networking.k8s.io',
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies.admissionregistration.k8s.io',
  ValidatingAdmissionPolicyBinding: 'validatingadmissionpolicybindings.admissionregistration.k8s.io',
  ClusterDomainClaim: 'clusterdomainclaims.networking.internal.knative.dev',
  DomainMapping: 'domainmappings.serving.knative.dev',
  'Knative Service': 'services.serving.knative.dev',
  Broker: 'brokers.eventing.knative.dev',
  RabbitmqBrokerConfig: 'rabbitmqbrokerconfigs.eventing.knative.dev',
  Trigger: 'triggers.eventing.knative.dev',
  RabbitmqSource: 'rabbitmqsources.sources.knative.dev',
  PingSource: 'pingsources.sources.knative.dev',
  Exchange: 'exchanges.rabbitmq.com',
  Queue: 'queues.rabbitmq.com',
  Binding: 'bindings.rabbitmq.com',
  Policy: 'policies.rabbitmq.com',
  User: 'users.rabbitmq.com',
  Permission: 'permissions.rabbitmq.com',
  TopicPermission: 'topicpermissions.rabbitmq.com',
};
