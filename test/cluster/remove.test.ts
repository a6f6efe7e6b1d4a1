import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { takeDown } from '../../manifests/commands/remove/removal.ts';
import type { Installation, Survey } from '../../manifests/commands/remove/survey.ts';
import { remove, type Choice } from '../../manifests/commands/remove.ts';
import { secretKeys } from '../../manifests/commands/secrets/plan.ts';
import { installation } from '../../manifests/commands/yaml/bundle.ts';
import { debian } from '../needs.ts';
import type { Stored } from './api-server.ts';
import { secretOf, startApi, type Api } from './platform.ts';

const root = path.resolve(import.meta.dirname, '../..');
const kubectl = await debian('kubectl', 'kubernetes-client');
/** A terminal for a program. */
const script = await debian('script', 'bsdutils');
const namespace = 'kickoff';
const host = 'predictions.example.org';
const policy = 'kickoff-restricted';

describe.skipIf('missing' in kubectl)('remove, by the real kubectl', { timeout: 120_000 }, () => {
  const documents = 'missing' in kubectl ? [] : installation(root, 'single-node');
  const from: Installation = { namespace, host, documents };
  let api: Api;
  let said: string[];
  const say = (line: string): void => void said.push(line);
  const patience = { told: 1000, givenUp: 3000 };
  const removed = (choice: Choice, of = from): Promise<void> =>
    remove(
      of,
      () => Promise.resolve(choice),
      say,
      (a, b, c) => takeDown(a, b, c, patience),
    );

  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(async () => {
    await api.close();
  });
  beforeEach(() => {
    api.objects.clear();
    said = [];
    api.controllers.letsGo = operator;
  });

  const kinds = (): string[] => [...new Set([...api.objects.values()].map(({ kind }) => kind))].sort();
  const some = (kind: string): Stored[] => [...api.objects.values()].filter((one) => one.kind === kind);
  const drop = (kind: string, name: string): void => {
    for (const [key, one] of api.objects)
      if (one.kind === kind && one.metadata.name === name) api.objects.delete(key);
  };
  const ofTopology = ({ apiVersion, kind }: Pick<Stored, 'apiVersion' | 'kind'>): boolean =>
    apiVersion.startsWith('rabbitmq.com/') && kind !== 'RabbitmqCluster';

  /** As the topology operator: it needs the Secret and RabbitMQ. All other controllers always can. */
  function operator(object: Stored): boolean {
    if (!ofTopology(object)) return true;
    return api.objects.has(`v1/secrets/${namespace}/rabbitmq`) && some('StatefulSet').some(isRabbit);
  }
  const isRabbit = ({ metadata }: Stored): boolean => metadata.name === 'rabbitmq';

  function crds(...without: string[]): void {
    const groups = {
      'serving.knative.dev': ['services', 'domainmappings'],
      'eventing.knative.dev': ['brokers', 'triggers', 'rabbitmqbrokerconfigs'],
      'sources.knative.dev': ['rabbitmqsources', 'pingsources'],
      'networking.internal.knative.dev': ['clusterdomainclaims'],
      'rabbitmq.com': [
        ...['exchanges', 'queues', 'bindings', 'policies', 'users', 'permissions', 'topicpermissions'],
        'rabbitmqclusters',
      ],
    };
    for (const [group, names] of Object.entries(groups))
      for (const name of names.map((one) => `${one}.${group}`).filter((one) => !without.includes(one)))
        api.put({
          apiVersion: 'apiextensions.k8s.io/v1',
          kind: 'CustomResourceDefinition',
          metadata: { name },
        });
  }

  /** A whole installation with what the operators add to it. */
  function install(): void {
    crds();
    for (const document of structuredClone(documents) as unknown as Stored[]) {
      if (document.kind === 'Namespace') document['status'] = { phase: 'Active' };
      if (ofTopology(document)) document.metadata.finalizers = ['deletion.finalizers.rabbitmq.com'];
      if (document.kind === 'DomainMapping') document.metadata.finalizers = ['domainmappings'];
      api.put(document);
    }
    for (const [name, keys] of Object.entries(secretKeys)) {
      const values = Object.fromEntries(keys.map((key) => [key, 'x']));
      const uri = 'http://rabbitmq.kickoff.svc.cluster.local:15672';
      api.put(secretOf(name, { ...values, ...(name === 'rabbitmq' ? { uri } : {}) }));
    }
    for (const one of [...some('Trigger'), ...some('Broker')])
      api.put({
        apiVersion: 'rabbitmq.com/v1beta1',
        kind: 'Queue',
        metadata: {
          name: `t.${one.metadata.name}`,
          namespace,
          labels: { 'eventing.knative.dev/broker': 'kickoff' },
          ownerReferences: [{ kind: one.kind, name: one.metadata.name }],
          finalizers: ['deletion.finalizers.queues.rabbitmq.com'],
        },
        spec: { rabbitmqClusterReference: { connectionSecret: { name: 'rabbitmq' } } },
      });
    for (const name of ['rabbitmq', 'redis', 'mlflow']) put('PersistentVolumeClaim', `data-${name}-0`);
  }
  function put(kind: string, name: string, more: object = {}, apiVersion = 'v1'): void {
    api.put({ apiVersion, kind, metadata: { name, namespace, ...more } });
  }

  test('with its data: nothing of it is left, and what is in RabbitMQ went before RabbitMQ', async () => {
    install();
    await removed('delete');
    expect(kinds()).toEqual(['CustomResourceDefinition']);
    const order = said.map((line) => /^[^:]+/.exec(line)?.[0]);
    expect(order.indexOf('queues, exchanges and users in RabbitMQ')).toBeLessThan(order.indexOf('servers'));
    expect(order.indexOf('Triggers')).toBeLessThan(order.indexOf('Broker'));
    expect(said.join('\n')).not.toMatch(/let go|waiting/);
    expect(said.at(-1)).toMatch(/left as they are.*config-autoscaler/);
  });

  test('without its data: namespace, volumes and Secrets stay; a second time changes nothing', async () => {
    install();
    for (const times of [1, 2]) {
      await removed('keep');
      expect(kinds()).toEqual(['CustomResourceDefinition', 'Namespace', 'PersistentVolumeClaim', 'Secret']);
      expect(some('Secret').length).toBe(Object.keys(secretKeys).length);
      expect(some('PersistentVolumeClaim').length).toBe(3);
      expect(said.join('\n')).toMatch(/in namespace kickoff stay the volumes data-rabbitmq-0, data-redis-0/);
      expect(said.length).toBe(times === 1 ? said.length : 2);
      said = [];
    }
  });

  test('nothing is deleted before somebody has chosen', async () => {
    install();
    const before = api.objects.size;
    let seen: Survey | undefined;
    const refused = remove(
      from,
      (found) => {
        seen = found;
        return Promise.reject(new Error('stopped'));
      },
      say,
    );
    await expect(refused).rejects.toThrow('stopped');
    expect(api.objects.size).toBe(before);
    expect(some('Namespace')[0]?.metadata.deletionTimestamp).toBeUndefined();
    expect(seen).toMatchObject({ phase: 'Active', others: [] });
    expect(seen?.claims.map(({ metadata }) => metadata.name).sort()).toEqual([
      'data-mlflow-0',
      'data-rabbitmq-0',
      'data-redis-0',
    ]);
  });

  test("somebody else's work in the namespace is named and kept", async () => {
    install();
    put('Deployment', 'blog', {}, 'apps/v1');
    put('Deployment', 'ours', { ownerReferences: [{ kind: 'Trigger', name: 'predict' }] }, 'apps/v1');
    put('ConfigMap', 'kube-root-ca.crt');
    const before = api.objects.size;
    await expect(removed('delete')).rejects.toThrow(
      /also holds Deployment\/blog, which would go with it.*Nothing was removed/,
    );
    expect(api.objects.size).toBe(before);
    await removed('keep');
    expect(some('Deployment').map(({ metadata }) => metadata.name)).toEqual(['blog']);
  });

  test('a namespace where nothing of Kickoff is: it stays', async () => {
    crds();
    api.put({
      ...{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      status: { phase: 'Active' },
    });
    put('Deployment', 'blog', {}, 'apps/v1');
    await removed('delete');
    expect(said[0]).toBe('nothing of Kickoff is in namespace kickoff, which stays');
    expect(kinds()).toEqual(['CustomResourceDefinition', 'Deployment', 'Namespace']);
  });

  test('a namespace that does not exist, on a cluster without any of the kinds', async () => {
    await removed('delete');
    expect(said[0]).toBe('nothing of Kickoff is in namespace kickoff, which does not exist');
  });

  test('half an installation: kinds, Secret and RabbitMQ are missing', async () => {
    install();
    for (const one of ['triggers.eventing.knative.dev', 'rabbitmqclusters.rabbitmq.com'])
      drop('CustomResourceDefinition', one);
    for (const { metadata } of some('Trigger')) drop('Trigger', metadata.name);
    drop('StatefulSet', 'rabbitmq');
    await removed('delete');
    expect(kinds()).toEqual(['CustomResourceDefinition']);
    expect(said.join('\n')).toMatch(/nobody takes these out of RabbitMQ any more.*let go: (Queue|Binding)/);
  });

  test('a namespace that was deleted by hand hangs on its objects in RabbitMQ, and is freed', async () => {
    install();
    drop('Secret', 'rabbitmq');
    drop('StatefulSet', 'rabbitmq');
    const [space] = some('Namespace');
    if (!space) throw new Error('no namespace');
    space.metadata.deletionTimestamp = new Date().toISOString();
    api.settle();
    const held = [...api.objects.values()].filter(ofTopology).length;
    expect(held).toBeGreaterThan(15);
    expect(some('Namespace')[0]?.['status']).toEqual({ phase: 'Terminating' });
    await expect(removed('keep')).rejects.toThrow(/is being deleted already/);
    await removed('delete');
    expect(kinds()).toEqual(['CustomResourceDefinition']);
  });

  test('another RabbitMQ that does not answer: nothing is let go, and the objects are named with a remedy', async () => {
    install();
    api.put(secretOf('rabbitmq', { uri: 'http://mq.queues.svc:15672' }));
    api.controllers.letsGo = (one) => !ofTopology(one);
    await expect(removed('delete')).rejects.toThrow(
      /^Triggers: no progress for \d s, still there: Trigger\/.*Queue\/t\.predict.*delete Secret rabbitmq, then run this again$/,
    );
    expect(said.join('\n')).toMatch(/waiting for Trigger\//);
    expect(some('Queue').length).toBeGreaterThan(6);
    expect(some('StatefulSet').length).toBe(3);
    // By that remedy.
    drop('Secret', 'rabbitmq');
    await removed('delete');
    expect(kinds()).toEqual(['CustomResourceDefinition']);
  });

  test('a RabbitMQ of the installation that does not answer: let go after a while, since it goes with them', async () => {
    install();
    api.controllers.letsGo = (one) => !ofTopology(one);
    await removed('delete');
    expect(kinds()).toEqual(['CustomResourceDefinition']);
    expect(said.join('\n')).toMatch(/let go: /);
  });

  test("another installation's claim and policy stay", async () => {
    install();
    const claim = some('ClusterDomainClaim')[0];
    api.put({
      apiVersion: 'networking.internal.knative.dev/v1alpha1',
      kind: 'ClusterDomainClaim',
      metadata: { name: 'other.example.org' },
      spec: { namespace: 'other' },
    });
    const binding = some('ValidatingAdmissionPolicyBinding')[0];
    if (!claim || !binding) throw new Error('no claim or binding');
    binding['spec'] = {
      matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'other' } } },
    };
    await removed('delete');
    expect(some('ClusterDomainClaim').map(({ metadata }) => metadata.name)).toEqual(['other.example.org']);
    expect(some('ValidatingAdmissionPolicy').map(({ metadata }) => metadata.name)).toEqual([policy]);
  });

  test.skipIf('missing' in script).each(['no\n', '\u0003', '\u0004', 'keep\n'])(
    'on a terminal it asks first, and %j is the answer',
    async (typed) => {
      install();
      const before = api.objects.size;
      const program = `${process.execPath} ${path.join(root, 'manifests/commands/remove.ts')}`;
      const child = spawn('script', ['-qec', program, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
      let text = '';
      child.stdout.setEncoding('utf8').on('data', (part: string) => {
        if (!text.includes('to stop: ') && (text + part).includes('to stop: ')) child.stdin.write(typed);
        text += part;
      });
      const [code] = (await once(child, 'close')) as [number | null];
      expect(text).toMatch(/namespace kickoff of context test, \d+ objects.*data-redis-0/s);
      if (typed === 'keep\n') {
        expect(code).toBe(0);
        expect(kinds()).toContain('PersistentVolumeClaim');
        expect(kinds()).not.toContain('StatefulSet');
      } else {
        expect({ code, text }).toEqual({
          code: 2,
          text: expect.stringContaining('nothing was removed') as string,
        });
        expect(api.objects.size).toBe(before);
      }
    },
  );

  test.each([
    [[], /^there is no terminal to ask on: say --keep-data or --delete-data/],
    [['--keep-data', '--delete-data'], /^--keep-data or --delete-data, not both/],
  ])('npm run remove -- %j without a terminal is refused', async (args, reason) => {
    install();
    const before = api.objects.size;
    const program = path.join(root, 'manifests/commands/remove.ts');
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => (text += part));
    const [code] = (await once(child, 'close')) as [number | null];
    expect({ code, text }).toEqual({ code: 2, text: expect.stringMatching(reason) as string });
    expect(api.objects.size).toBe(before);
  });
});
