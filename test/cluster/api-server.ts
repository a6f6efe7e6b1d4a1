import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { parse } from 'yaml';

/** A Kubernetes object as the server keeps it. */
export type Stored = {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    resourceVersion?: string;
    labels?: Record<string, string>;
    ownerReferences?: { kind: string; name: string }[];
    deletionTimestamp?: string;
    finalizers?: string[];
  };
  [field: string]: unknown;
};

type Resource = { name: string; kind: string; namespaced: boolean };

/** What is asked of the API in these tests: group and version with their resources. */
const groups: Record<string, Resource[]> = {
  v1: [
    { name: 'namespaces', kind: 'Namespace', namespaced: false },
    { name: 'nodes', kind: 'Node', namespaced: false },
    { name: 'pods', kind: 'Pod', namespaced: true },
    { name: 'configmaps', kind: 'ConfigMap', namespaced: true },
    { name: 'secrets', kind: 'Secret', namespaced: true },
    { name: 'services', kind: 'Service', namespaced: true },
    { name: 'persistentvolumeclaims', kind: 'PersistentVolumeClaim', namespaced: true },
  ],
  'apps/v1': [
    { name: 'deployments', kind: 'Deployment', namespaced: true },
    { name: 'statefulsets', kind: 'StatefulSet', namespaced: true },
    { name: 'daemonsets', kind: 'DaemonSet', namespaced: true },
  ],
  'batch/v1': [
    { name: 'jobs', kind: 'Job', namespaced: true },
    { name: 'cronjobs', kind: 'CronJob', namespaced: true },
  ],
  'networking.k8s.io/v1': [{ name: 'networkpolicies', kind: 'NetworkPolicy', namespaced: true }],
  'policy/v1': [{ name: 'poddisruptionbudgets', kind: 'PodDisruptionBudget', namespaced: true }],
  'admissionregistration.k8s.io/v1': ['Policy', 'PolicyBinding'].map((kind) => ({
    name: `validatingadmission${kind.toLowerCase().replace(/y$/, 'ie')}s`,
    kind: `ValidatingAdmission${kind}`,
    namespaced: false,
  })),
  'storage.k8s.io/v1': [{ name: 'storageclasses', kind: 'StorageClass', namespaced: false }],
  'apiextensions.k8s.io/v1': [
    { name: 'customresourcedefinitions', kind: 'CustomResourceDefinition', namespaced: false },
  ],
  'networking.internal.knative.dev/v1alpha1': [
    { name: 'clusterdomainclaims', kind: 'ClusterDomainClaim', namespaced: false },
  ],
  'eventing.knative.dev/v1': [
    { name: 'brokers', kind: 'Broker', namespaced: true },
    { name: 'triggers', kind: 'Trigger', namespaced: true },
  ],
  'eventing.knative.dev/v1alpha1': [
    { name: 'rabbitmqbrokerconfigs', kind: 'RabbitmqBrokerConfig', namespaced: true },
  ],
  'sources.knative.dev/v1': [{ name: 'pingsources', kind: 'PingSource', namespaced: true }],
  'sources.knative.dev/v1alpha1': [{ name: 'rabbitmqsources', kind: 'RabbitmqSource', namespaced: true }],
  'serving.knative.dev/v1': [
    { name: 'services', kind: 'Service', namespaced: true },
    { name: 'revisions', kind: 'Revision', namespaced: true },
  ],
  'serving.knative.dev/v1beta1': [{ name: 'domainmappings', kind: 'DomainMapping', namespaced: true }],
  'rabbitmq.com/v1beta1': [
    ...['Exchange', 'Queue', 'Binding', 'User', 'Permission', 'TopicPermission', 'RabbitmqCluster'].map(
      (kind) => ({ name: `${kind.toLowerCase()}s`, kind, namespaced: true }),
    ),
    { name: 'policies', kind: 'Policy', namespaced: true },
  ],
};

/**
 * A small Kubernetes API server for the real kubectl: discovery, get, list with a label selector, JSON patch with its `test`, merge patch, delete
 * with finalizers, owners and namespaces, server-side apply (as a whole: what is not stated is gone), and access
 * reviews. `forbidden` are resources that nobody may create or list. `letsGo` stands for the controllers: whether they remove the finalizers of an
 * object that is to be deleted; `settle` asks them again.
 */
export async function startApiServer(): Promise<{
  url: string;
  objects: Map<string, Stored>;
  put(object: Stored): void;
  forbidden: Set<string>;
  controllers: { letsGo(object: Stored): boolean };
  settle(): void;
  close(): Promise<void>;
}> {
  const objects = new Map<string, Stored>();
  const forbidden = new Set<string>();
  const controllers: { letsGo(object: Stored): boolean } = { letsGo: () => true };
  let version = 100;

  function keyOf(group: string, resource: string, namespace: string | undefined, name: string): string {
    return [group, resource, namespace ?? '', name].join('/');
  }

  function put(object: Stored): void {
    const resource = groups[object.apiVersion]?.find(({ kind }) => kind === object.kind);
    if (!resource) throw new Error(`the test server does not know ${object.apiVersion} ${object.kind}`);
    const { name, namespace } = object.metadata;
    object.metadata.resourceVersion = String(++version);
    objects.set(keyOf(object.apiVersion, resource.name, namespace, name), object);
  }

  function answer(
    method: string,
    url: URL,
    body: string,
    applies: boolean,
    merges: boolean,
  ): { status: number; value: unknown } {
    const parts = url.pathname.split('/').filter(Boolean);
    if (url.pathname === '/version') return ok({ major: '1', minor: '34', gitVersion: 'v1.34.4' });
    if (url.pathname === '/api') return ok({ kind: 'APIVersions', versions: ['v1'] });
    if (url.pathname === '/apis') return ok(groupList());
    if (url.pathname.startsWith('/openapi/v3')) return openapi(url.pathname);
    if (url.pathname.endsWith('/selfsubjectaccessreviews')) return ok(review(body));
    const group = parts[0] === 'api' ? parts[1] : parts.slice(1, 3).join('/');
    const rest = parts.slice(parts[0] === 'api' ? 2 : 3);
    const resources = group === undefined ? undefined : groups[group];
    if (!group || !resources) return failure(404, 'NotFound', `no group ${url.pathname}`);
    if (rest.length === 0) return ok(resourceList(group, resources));
    const namespace = rest[0] === 'namespaces' && rest.length > 2 ? rest[1] : undefined;
    const [resource, name] = namespace === undefined ? rest : rest.slice(2);
    const known = resources.find((one) => one.name === resource);
    if (!known) return failure(404, 'NotFound', `the server could not find the requested resource`);
    if (name === undefined && forbidden.has(known.name))
      return failure(403, 'Forbidden', `${known.name} is forbidden: User "test" cannot list resource`);
    if (name === undefined) return ok(list(group, known, namespace, url.searchParams.get('labelSelector')));
    const key = keyOf(group, known.name, namespace, name);
    const stored = objects.get(key);
    if (applies) {
      const object = JSON.parse(body) as Stored;
      put({ ...object, metadata: { ...object.metadata, uid: `${name}-${version}` } as Stored['metadata'] });
      return ok(objects.get(key));
    }
    if (!stored) return failure(404, 'NotFound', `${known.name} "${name}" not found`);
    if (method === 'DELETE') {
      remove(stored, body.includes('"Foreground"'));
      settle();
      return ok({ kind: 'Status', apiVersion: 'v1', status: 'Success', details: { name, uid: 'gone' } });
    }
    if (method !== 'PATCH') return ok(stored);
    const patched = merges ? merge(stored, body) : patch(stored, body);
    settle();
    return patched;
  }

  /** Marks an object for deletion; in the foreground it stays until what it owns is gone. */
  function remove(object: Stored, foreground: boolean): void {
    if (object.metadata.deletionTimestamp !== undefined) return;
    object.metadata.deletionTimestamp = new Date().toISOString();
    if (!foreground) return;
    object.metadata.finalizers = [...(object.metadata.finalizers ?? []), 'foregroundDeletion'];
    for (const one of owned(object)) remove(one, true);
  }

  const owned = ({ kind, metadata }: Stored): Stored[] =>
    [...objects.values()].filter((one) =>
      one.metadata.ownerReferences?.some((owner) => owner.kind === kind && owner.name === metadata.name),
    );
  const within = (namespace: string): Stored[] =>
    [...objects.values()].filter((one) => one.metadata.namespace === namespace);

  /** What the controllers do, until nothing changes. */
  function settle(): void {
    for (let before = -1; before !== objects.size;) {
      before = objects.size;
      for (const [key, object] of [...objects]) {
        const { metadata, kind } = object;
        if (metadata.deletionTimestamp === undefined) continue;
        if (kind === 'Namespace') {
          object['status'] = { phase: 'Terminating' };
          for (const one of within(metadata.name)) remove(one, false);
          if (within(metadata.name).length === 0) objects.delete(key);
          continue;
        }
        const own = (metadata.finalizers ?? []).filter((one) => one !== 'foregroundDeletion');
        const waits = own.length < (metadata.finalizers ?? []).length && owned(object).length > 0;
        if (waits || (own.length > 0 && !controllers.letsGo(object))) continue;
        objects.delete(key);
        for (const one of owned(object)) remove(one, false);
      }
    }
  }

  function merge(stored: Stored, body: string): { status: number; value: unknown } {
    const { metadata } = JSON.parse(body) as { metadata: object };
    const changed = { ...stored, metadata: { ...stored.metadata, ...metadata } };
    put(changed);
    return ok(changed);
  }

  function patch(stored: Stored, body: string): { status: number; value: unknown } {
    const changed = structuredClone(stored);
    for (const { op, path, value } of JSON.parse(body) as { op: string; path: string; value: unknown }[]) {
      const keys = path.split('/').slice(1);
      const last = keys.pop() ?? '';
      let parent = changed as Record<string, unknown>;
      for (const key of keys) parent = parent[key] as Record<string, unknown>;
      if (op === 'test' && parent[last] !== value)
        return failure(422, 'Invalid', `the server rejected our request due to an error in our request`);
      if (op === 'add' || op === 'replace') parent[last] = value;
    }
    put(changed);
    return ok(changed);
  }

  function list(
    group: string,
    resource: Resource,
    namespace: string | undefined,
    selector: string | null,
  ): object {
    const wanted = (selector ?? '')
      .split(',')
      .filter(Boolean)
      .map((pair) => pair.split('='));
    const items = [...objects.entries()]
      .filter(([key]) => key.startsWith(`${group}/${resource.name}/`))
      .map(([, object]) => object)
      .filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace)
      .filter(({ metadata }) => wanted.every(([key = '', value]) => metadata.labels?.[key] === value));
    return { apiVersion: group, kind: `${resource.kind}List`, metadata: { resourceVersion: '1' }, items };
  }

  function review(body: string): object {
    const { spec } = parse(body) as { spec: { resourceAttributes: { group?: string; resource: string } } };
    const { group, resource } = spec.resourceAttributes;
    const allowed = !forbidden.has(group ? `${resource}.${group}` : resource);
    return {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec,
      status: { allowed },
    };
  }

  const server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://api');
      const type = request.headers['content-type'] ?? '';
      const { status, value } = answer(
        request.method ?? 'GET',
        url,
        body,
        type.startsWith('application/apply-patch'),
        type.startsWith('application/merge-patch'),
      );
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    put,
    forbidden,
    controllers,
    settle,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function ok(value: unknown): { status: number; value: unknown } {
  return { status: 200, value };
}

function failure(code: number, reason: string, message: string): { status: number; value: unknown } {
  return {
    status: code,
    value: { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code },
  };
}

/** As much of the API's own description as kubectl wants before it leaves the check of fields to the server. */
function openapi(path: string): { status: number; value: unknown } {
  const place = (groupVersion: string): string => (groupVersion === 'v1' ? 'api/v1' : `apis/${groupVersion}`);
  if (path === '/openapi/v3') {
    const paths = Object.keys(groups).map((one) => [
      place(one),
      { serverRelativeURL: `/openapi/v3/${place(one)}` },
    ]);
    return ok({ paths: Object.fromEntries(paths) as unknown });
  }
  const groupVersion = Object.keys(groups).find((one) => path === `/openapi/v3/${place(one)}`) ?? 'v1';
  const [group = '', version = groupVersion] = groupVersion.includes('/') ? groupVersion.split('/') : [''];
  const paths = (groups[groupVersion] ?? []).map(({ name, kind }) => [
    `/${name}/{name}`,
    {
      patch: {
        parameters: [{ name: 'fieldValidation', in: 'query' }],
        'x-kubernetes-group-version-kind': { group, version, kind },
      },
    },
  ]);
  return ok({ openapi: '3.0.0', paths: Object.fromEntries(paths) as unknown });
}

function groupList(): object {
  const named = Object.keys(groups)
    .filter((group) => group !== 'v1')
    .map((groupVersion) => {
      const [name, version] = groupVersion.split('/');
      return { name, versions: [{ groupVersion, version }], preferredVersion: { groupVersion, version } };
    });
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: named };
}

function resourceList(group: string, resources: Resource[]): object {
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group,
    resources: resources.map(({ name, kind, namespaced }) => ({
      name,
      kind,
      namespaced,
      singularName: '',
      verbs: ['get', 'list', 'patch', 'create', 'delete', 'watch'],
    })),
  };
}
