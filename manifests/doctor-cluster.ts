import * as v from 'valibot';
import { ClusterFault, kubectl, kubectlJson } from './cluster.ts';
import type { Finding } from './doctor-local.ts';
import { secretKeys } from './secret-plan.ts';

const Named = v.looseObject({
  metadata: v.looseObject({ name: v.string(), namespace: v.optional(v.string(), '') }),
});
const Crd = v.looseObject({
  ...Named.entries,
  spec: v.looseObject({ versions: v.array(v.looseObject({ name: v.string(), served: v.boolean() })) }),
});
const Deployment = v.looseObject({
  metadata: v.looseObject({
    name: v.string(),
    namespace: v.string(),
    labels: v.optional(v.record(v.string(), v.string()), {}),
  }),
  status: v.optional(v.looseObject({ readyReplicas: v.optional(v.number(), 0) }), { readyReplicas: 0 }),
});
const Service = v.looseObject({
  ...Named.entries,
  spec: v.looseObject({
    ports: v.optional(v.array(v.looseObject({ nodePort: v.optional(v.number()) })), []),
  }),
});
const Secret = v.looseObject({
  metadata: v.looseObject({ name: v.string(), labels: v.optional(v.record(v.string(), v.string()), {}) }),
  data: v.optional(v.record(v.string(), v.string()), {}),
});
const items = <S extends v.GenericSchema>(schema: S) => v.looseObject({ items: v.array(schema) });

const serving =
  'install Knative Serving 1.22 or later with Kourier (knative.dev/docs/install/yaml-install/serving)';
const eventing = 'install Knative Eventing 1.22 or later (knative.dev/docs/install/yaml-install/eventing)';
const rabbit =
  'install eventing-rabbitmq 1.22 or later: rabbitmq-broker.yaml and rabbitmq-source.yaml of its release';
const topology = 'install the RabbitMQ messaging topology operator 1.20 or later (it needs cert-manager)';

const crds: readonly [name: string, version: string, remedy: string][] = [
  ['services.serving.knative.dev', 'v1', serving],
  ['domainmappings.serving.knative.dev', 'v1beta1', serving],
  ['clusterdomainclaims.networking.internal.knative.dev', 'v1alpha1', serving],
  ['brokers.eventing.knative.dev', 'v1', eventing],
  ['triggers.eventing.knative.dev', 'v1', eventing],
  ['pingsources.sources.knative.dev', 'v1', eventing],
  ['rabbitmqbrokerconfigs.eventing.knative.dev', 'v1alpha1', rabbit],
  ['rabbitmqsources.sources.knative.dev', 'v1alpha1', rabbit],
  ['exchanges.rabbitmq.com', 'v1beta1', topology],
  ['queues.rabbitmq.com', 'v1beta1', topology],
  ['bindings.rabbitmq.com', 'v1beta1', topology],
];

const operators: readonly [name: string, least: string, remedy: string][] = [
  ['knative-serving/controller', '1.22', serving],
  ['knative-serving/net-kourier-controller', '1.22', serving],
  ['kourier-system/3scale-kourier-gateway', '', serving],
  ['knative-eventing/eventing-controller', '1.22', eventing],
  ['knative-eventing/rabbitmq-broker-controller', '1.22', rabbit],
  ['rabbitmq-system/messaging-topology-operator', '1.20', topology],
];

const created: readonly string[] = [
  'namespaces',
  'validatingadmissionpolicies.admissionregistration.k8s.io',
  'networkpolicies.networking.k8s.io',
  'statefulsets.apps',
  'services.serving.knative.dev',
  'triggers.eventing.knative.dev',
  'queues.rabbitmq.com',
  'secrets',
];

/** What a cluster lacks for this project, each with its remedy. Only reads. */
export async function clusterFindings(params: {
  namespace: string;
  host: string;
  'node-port': string;
}): Promise<Finding[]> {
  const { namespace, host, 'node-port': port } = params;
  const version = v.parse(
    v.looseObject({ serverVersion: v.looseObject({ major: v.string(), minor: v.string() }) }),
    JSON.parse(await kubectl(['version', '-o', 'json'])),
  ).serverVersion;
  const minor = Number.parseInt(version.minor);
  const [known, deployments, services, secrets, classes, claims] = await Promise.all([
    kubectlJson(items(Crd), ['get', 'customresourcedefinitions.apiextensions.k8s.io']),
    kubectlJson(items(Deployment), ['get', 'deployments.apps', '-A']),
    kubectlJson(items(Service), ['get', 'services', '-A']),
    kubectlJson(items(Secret), ['get', 'secrets', '-n', namespace]),
    kubectlJson(items(Named), ['get', 'storageclasses.storage.k8s.io']),
    kubectlJson(items(v.looseObject({ ...Named.entries, spec: v.looseObject({ namespace: v.string() }) })), [
      'get',
      'clusterdomainclaims.networking.internal.knative.dev',
    ]).catch((error: unknown) => {
      // Its kind is missing: said below with its remedy.
      if (error instanceof ClusterFault) return { items: [] };
      throw error;
    }),
  ]);
  const allowed = await Promise.all(
    created.map(async (resource) => ({ resource, may: await mayCreate(resource, namespace) })),
  );
  const holder = claims.items.find(({ metadata }) => metadata.name === host)?.spec.namespace;
  const onPort = services.items.find(({ spec }) =>
    spec.ports.some(({ nodePort }) => nodePort === Number(port)),
  );
  const taker = onPort ? `${onPort.metadata.namespace}/${onPort.metadata.name}` : undefined;
  const isKourier = taker === 'kourier-system/kourier';
  return [
    {
      ok: minor >= 30,
      text: `Kubernetes ${version.major}.${version.minor}`,
      remedy: 'Kubernetes 1.30 or later: manifests/base/pod-security.yaml needs ValidatingAdmissionPolicy',
    },
    ...crds.map(([name, served, remedy]) => ({
      ok: known.items.some(
        (crd) =>
          crd.metadata.name === name && crd.spec.versions.some((one) => one.name === served && one.served),
      ),
      text: `CRD ${name} ${served}`,
      remedy,
    })),
    ...operators.map(([name, least, remedy]) => operator(deployments.items, name, least, remedy)),
    {
      ok: classes.items.length > 0,
      text: 'a StorageClass for the volumes',
      remedy: 'install a storage provisioner, or create PersistentVolumes by hand',
    },
    ...allowed.map(({ resource, may }) => ({
      ok: may,
      text: `permission to create ${resource}`,
      remedy: `ask the cluster's administrator, or use a kubeconfig that may`,
    })),
    ...Object.entries(secretKeys).map(([name, keys]) => secretFinding(secrets.items, namespace, name, keys)),
    {
      ok: taker === undefined || isKourier,
      text: isKourier ? `Kourier on node port ${port}` : `node port ${port} free for Kourier`,
      remedy: `${taker ?? ''} has it: choose another node-port in manifests/params/params.yaml`,
    },
    {
      ok: host !== 'predictions.example.org' && (holder === undefined || holder === namespace),
      text: `domain ${host}`,
      remedy:
        holder === undefined
          ? 'set host in manifests/params/params.yaml to your own name'
          : `namespace ${holder} has claimed it: kubectl delete clusterdomainclaim ${host}, or choose another host`,
    },
  ];
}

function operator(
  deployments: v.InferOutput<typeof Deployment>[],
  name: string,
  least: string,
  remedy: string,
): Finding {
  const found = deployments.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === name);
  const version = found?.metadata.labels['app.kubernetes.io/version'] ?? '';
  // Labels of nightly builds are no versions: taken as recent.
  const old = least !== '' && /^v?\d+\./.test(version) && compare(version.replace(/^v/, ''), least) < 0;
  const ready = (found?.status.readyReplicas ?? 0) > 0;
  const state = !found ? 'missing' : !ready ? 'not ready' : version;
  return {
    ok: found !== undefined && ready && !old,
    text: `${name} ${state}`.trim(),
    remedy: found && !ready && !old ? `kubectl -n ${name.replace('/', ' describe deployment ')}` : remedy,
  };
}

function compare(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split('.').map((part) => Number.parseInt(part)));
  for (let place = 0; place < 2; place++) {
    const difference = (left?.[place] ?? 0) - (right?.[place] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function secretFinding(
  secrets: v.InferOutput<typeof Secret>[],
  namespace: string,
  name: string,
  keys: readonly string[],
): Finding {
  const found = secrets.find(({ metadata }) => metadata.name === name);
  const missing = keys.filter((key) => found?.data[key] === undefined);
  const unlabelled =
    name === 'rabbitmq' && found?.metadata.labels['rabbitmq.com/topology-operator'] !== 'true';
  return {
    ok: found !== undefined && missing.length === 0 && !unlabelled,
    text: `Secret ${namespace}/${name}${found && missing.length > 0 ? ` without ${missing.join(', ')}` : ''}`,
    remedy:
      found && unlabelled && missing.length === 0
        ? `kubectl -n ${namespace} label secret rabbitmq rabbitmq.com/topology-operator=true: without it the operator does not see the Secret`
        : 'npm run secrets -- init, then npm run secrets -- apply',
  };
}

const Review = v.looseObject({ status: v.looseObject({ allowed: v.boolean() }) });

/** Asks the API itself: `kubectl auth can-i` wants to find the resource first, and its kind may be what is missing. */
async function mayCreate(resource: string, namespace: string): Promise<boolean> {
  const [name = '', ...group] = resource.split('.');
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { namespace, verb: 'create', resource: name, group: group.join('.') } },
  };
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const answer = await kubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(review));
  return v.parse(Review, JSON.parse(answer)).status.allowed;
}
