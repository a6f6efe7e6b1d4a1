import * as v from 'valibot';
import type { Document } from '../yaml/bundle.ts';
import { ClusterFault, kubectl, kubectlJson } from '../cluster/kubectl.ts';
import { Deployment, operatorFindings } from './operators.ts';
import { PodOfCluster } from './pods.ts';
import { crds, created } from './requirements.ts';
import type { Finding } from './finding.ts';
import { doorOf } from './producers.ts';
import { rabbitFindings } from './rabbitmq.ts';
import { Node, roomFinding } from './room.ts';
import { versionFindings } from './versions.ts';
import { signingKeys } from '../../../functions/shared/events/signing-keys.ts';
import { connectionKeys, secretKeys } from '../secrets/plan.ts';
import { faultsOf, type Secrets } from '../secrets/faults.ts';

const Named = v.looseObject({
  metadata: v.looseObject({
    name: v.string(),
    namespace: v.optional(v.string(), ''),
    annotations: v.optional(v.record(v.string(), v.string()), {}),
  }),
});
const Crd = v.looseObject({
  ...Named.entries,
  spec: v.looseObject({ versions: v.array(v.looseObject({ name: v.string(), served: v.boolean() })) }),
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
const Claim = v.looseObject({ ...Named.entries, spec: v.looseObject({ namespace: v.string() }) });
const ConfigMap = v.looseObject({
  ...Named.entries,
  data: v.optional(v.record(v.string(), v.string()), {}),
});

/** The objects of a kind, or why they cannot be read: lack of permission. A missing kind is reported elsewhere. */
async function read<const S extends v.GenericSchema>(
  schema: S,
  resource: string,
  refusals: Finding[],
  ...where: string[]
): Promise<v.InferOutput<S>[]> {
  try {
    const args = ['get', resource, ...where];
    return (await kubectlJson(v.looseObject({ items: v.array(schema) }), args)).items;
  } catch (error) {
    if (!(error instanceof ClusterFault) || !/forbidden|doesn't have a resource type/i.test(error.message))
      throw error;
    if (/forbidden/i.test(error.message))
      refusals.push({ ok: false, text: `permission to list ${resource}`, remedy: ofAdministrator });
    return [];
  }
}

const ofAdministrator = `ask the cluster's administrator, or use a kubeconfig that may`;

/** What a cluster lacks for `build`, the documents of a whole installation, each with its remedy. Only reads. */
export async function clusterFindings(
  params: { namespace: string; host: string; 'node-port': string },
  build: () => Document[],
): Promise<Finding[]> {
  const { namespace, host, 'node-port': port } = params;
  const [kubectlVersion, kubernetes] = await versionFindings();
  // What an old one builds and says is not what the rest expects.
  if (!kubectlVersion.ok) return [kubectlVersion];
  const refusals: Finding[] = [];
  const [known, deployments, pods, nodes, services, secrets, classes, claims, configs] = await Promise.all([
    read(Crd, 'customresourcedefinitions.apiextensions.k8s.io', refusals),
    read(Deployment, 'deployments.apps', refusals, '-A'),
    read(PodOfCluster, 'pods', refusals, '-A'),
    read(Node, 'nodes', refusals),
    read(Service, 'services', refusals, '-A'),
    read(Secret, 'secrets', refusals, '-n', namespace),
    read(Named, 'storageclasses.storage.k8s.io', refusals),
    read(Claim, 'clusterdomainclaims.networking.internal.knative.dev', refusals),
    read(ConfigMap, 'configmaps', refusals, '-n', 'knative-serving'),
  ]);
  const documents = build();
  const [allowed, rabbit] = await Promise.all([
    Promise.all(
      Object.values(created).map(async (resource) => ({
        resource,
        may: await mayCreate(resource, namespace),
      })),
    ),
    // Without its Secret, which is told below, there is no way to it.
    secrets.some(({ metadata }) => metadata.name === 'rabbitmq')
      ? rabbitFindings(namespace, doorOf(documents))
      : [],
  ]);
  return [
    kubectlVersion,
    kubernetes,
    ...refusals,
    ...crds.map(([name, served, remedy]) => ({
      ok: known.some(
        (crd) =>
          crd.metadata.name === name && crd.spec.versions.some((one) => one.name === served && one.served),
      ),
      text: `CRD ${name} ${served}`,
      remedy,
    })),
    ...operatorFindings(deployments, pods, Date.now()),
    networkClass(configs),
    {
      ok: classes.some(
        ({ metadata }) => metadata.annotations['storageclass.kubernetes.io/is-default-class'] === 'true',
      ),
      text: 'a default StorageClass for the volumes',
      remedy:
        classes.length > 0
          ? `kubectl annotate storageclass ${classes[0]?.metadata.name ?? ''} storageclass.kubernetes.io/is-default-class=true`
          : 'install a storage provisioner, or create PersistentVolumes by hand',
    },
    ...roomFinding(documents, namespace, { nodes, pods, deployments }),
    ...allowed.map(({ resource, may }) => ({
      ok: may,
      text: `permission to create ${resource}`,
      remedy: ofAdministrator,
    })),
    ...rabbit,
    ...Object.entries(secretKeys).map(([name, keys]) =>
      secretFinding(secrets, namespace, name, name === 'rabbitmq' ? connectionKeys : keys),
    ),
    ...keysFinding(secrets, namespace),
    ...valueFaults(secrets, namespace),
    nodePort(services, port),
    domain(claims, namespace, host),
  ];
}

const kourier = 'kourier.ingress.networking.knative.dev';

function networkClass(configs: v.InferOutput<typeof ConfigMap>[]): Finding {
  const data = configs.find(({ metadata }) => metadata.name === 'config-network')?.data ?? {};
  const name = data['ingress-class'] ?? data['ingress.class'];
  return {
    ok: name === kourier,
    text: `Knative's network class ${name ?? 'is not set'}`,
    remedy: `kubectl -n knative-serving patch configmap config-network -p '{"data":{"ingress-class":"${kourier}"}}'`,
  };
}

/** Secrets that the topology operator reads. */
const forOperator = ['rabbitmq', 'producer'];

function secretFinding(
  secrets: v.InferOutput<typeof Secret>[],
  namespace: string,
  name: string,
  keys: readonly string[],
): Finding {
  const found = secrets.find(({ metadata }) => metadata.name === name);
  const missing = keys.filter((key) => found?.data[key] === undefined);
  const unlabelled =
    forOperator.includes(name) && found?.metadata.labels['rabbitmq.com/topology-operator'] !== 'true';
  const unsigned = name === 'signing' && !found ? ': an unsigned setup, the functions do not start' : '';
  return {
    ok: found !== undefined && missing.length === 0 && !unlabelled,
    text: `Secret ${namespace}/${name}${unsigned}${found && missing.length > 0 ? ` without ${missing.join(', ')}` : ''}`,
    remedy:
      found && unlabelled && missing.length === 0
        ? `kubectl -n ${namespace} label secret ${name} rabbitmq.com/topology-operator=true: without it the operator does not see the Secret`
        : 'npm run secrets -- init, then npm run secrets -- apply',
  };
}

/** Whether what the functions sign with are keys; how many are valid. Nothing where there is no such Secret. */
function keysFinding(secrets: v.InferOutput<typeof Secret>[], namespace: string): Finding[] {
  const encoded = secrets.find(({ metadata }) => metadata.name === 'signing')?.data['keys'];
  if (encoded === undefined) return [];
  const keys = v.safeParse(signingKeys, Buffer.from(encoded, 'base64').toString());
  const rotating = keys.success && keys.output.length > 1;
  return [
    {
      ok: keys.success,
      text: `keys of Secret ${namespace}/signing${keys.success ? (rotating ? ': two, a rotation is under way' : '') : `: ${keys.issues[0].message}`}`,
      remedy: 'npm run secrets -- edit signing, then npm run secrets -- apply',
    },
  ];
}

/** Passwords that somebody must have set by hand: they do not work, or not with each other. */
function valueFaults(secrets: v.InferOutput<typeof Secret>[], namespace: string): Finding[] {
  const whole = secrets
    .filter(({ metadata, data }) => metadata.name !== 'signing' && data[secretKeys[metadata.name]?.[0] ?? ''])
    .map(({ metadata, data }) => [
      metadata.name,
      Object.fromEntries(
        Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
      ),
    ]);
  return faultsOf(Object.fromEntries(whole) as Secrets).map((text) => ({
    ok: false,
    text: `${text} (in ${namespace})`,
    remedy: 'npm run secrets -- edit <name>, then npm run secrets -- apply',
  }));
}

function nodePort(services: v.InferOutput<typeof Service>[], port: string): Finding {
  const taker = services.find(({ spec }) => spec.ports.some(({ nodePort }) => nodePort === Number(port)));
  const name = taker ? `${taker.metadata.namespace}/${taker.metadata.name}` : undefined;
  const isKourier = name === 'kourier-system/kourier';
  return {
    ok: name === undefined || isKourier,
    text: isKourier ? `Kourier on node port ${port}` : `node port ${port} free for Kourier`,
    remedy: `${name ?? ''} has it: choose another node-port in manifests/params/params.yaml`,
  };
}

function domain(claims: v.InferOutput<typeof Claim>[], namespace: string, host: string): Finding {
  const holder = claims.find(({ metadata }) => metadata.name === host)?.spec.namespace;
  const isFree = holder === undefined || holder === namespace;
  return {
    ok: host !== 'predictions.example.org' && isFree,
    text: `domain ${host}`,
    remedy: isFree
      ? 'set host in manifests/params/params.yaml to your own name'
      : `namespace ${holder} has claimed it: kubectl delete clusterdomainclaim ${host}, or choose another host`,
  };
}

const Review = v.looseObject({ status: v.looseObject({ allowed: v.boolean() }) });

/** Asks the API itself: `kubectl auth can-i` first looks for the resource, and its kind may be missing. */
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
