import { expect, test } from 'vitest';
import { parseDocuments } from '../../../../manifests/commands/yaml/bundle.ts';
import { podSecurityFaults } from '../../../../manifests/commands/yaml/pod-security.ts';
import { danglingReferences } from '../../../../manifests/commands/yaml/references.ts';
import { quantity } from '../../../../manifests/commands/yaml/resources.ts';

const pod = (container: string): string => `
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: one }
spec:
  template:
    metadata: { labels: { app: one } }
    spec:
      securityContext: { runAsNonRoot: true, seccompProfile: { type: RuntimeDefault } }
      containers:
        - { name: main, ${container} }
`;
const safe = 'securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }';

test.each([
  [
    'env: [{ name: A, valueFrom: { secretKeyRef: { name: rabbitmq, key: pass } } }]',
    /Secret rabbitmq has no key pass/,
  ],
  ['env: [{ name: A, valueFrom: { configMapKeyRef: { name: none, key: a } } }]', /ConfigMap none/],
  ['envFrom: [{ secretRef: { name: none } }]', /Secret none/],
  ['env: [{ name: A, value: "http://nobody.kickoff.svc.cluster.local/x" }]', /Function nobody/],
  ['env: [{ name: A, value: "http://store.kickoff.svc:7000" }]', /Service store has no port 7000/],
])('refuses a pod with %s', (container, message) => {
  expect(danglingReferences(parseDocuments(pod(container)), { rabbitmq: ['password'] }, []).join()).toMatch(
    message,
  );
});

test.each([
  ['subscriber: { ref: { apiVersion: serving.knative.dev/v1, kind: Service, name: gone } }', /Function gone/],
  ['broker: gone', /Broker gone/],
  ['rabbitmqResourcesConfig: { queueName: gone }', /RabbitMQ queue gone/],
  ['arguments: { x-dead-letter-exchange: gone }', /RabbitMQ exchange gone/],
  ['definition: { alternate-exchange: gone }', /RabbitMQ exchange gone/],
  ['permissions: { exchange: gone }', /RabbitMQ exchange gone/],
  ['userReference: { name: gone }', /User gone/],
  ['importCredentialsSecret: { name: gone }', /Secret gone has no key username/],
  ['rabbitmqClusterReference: { connectionSecret: { name: gone } }', /Secret gone/],
])('refuses wiring with %s', (spec, message) => {
  const documents = parseDocuments(
    `{ apiVersion: a/v1, kind: Any, metadata: { name: one }, spec: { ${spec} } }`,
  );
  expect(danglingReferences(documents, {}, []).join()).toMatch(message);
});

test('refuses a Service that selects no pod, or a port that the pod has not', () => {
  const service = (selector: string, port: string): string =>
    `---\n{ apiVersion: v1, kind: Service, metadata: { name: one }, spec: { selector: { app: ${selector} }, ports: [{ port: 1, targetPort: ${port} }] } }\n`;
  const workload = pod('ports: [{ name: http, containerPort: 80 }]');
  const of = (text: string): string[] => danglingReferences(parseDocuments(workload + text), {}, []);
  expect(of(service('two', 'http'))).toEqual(['Service/one: selects no pod']);
  expect(of(service('one', 'grpc')).join()).toMatch(/has no port grpc/);
  expect(of(service('one', 'http'))).toEqual([]);
});

test.each([
  ['image: a', /allowPrivilegeEscalation/],
  ['securityContext: { allowPrivilegeEscalation: false }', /drop ALL/],
  [safe.replace('drop', 'add: [SYS_ADMIN], drop'), /adds capabilities/],
  [`${safe}, ports: [{ containerPort: 1, hostPort: 1 }]`, /port of the host/],
  [safe.replace('allow', 'runAsUser: 0, allow'), /user 0/],
  [safe.replace('allow', 'runAsNonRoot: false, allow'), /runAsNonRoot/],
  [safe.replace('allow', 'privileged: true, allow'), /privileged/],
  [safe.replace('allow', 'seccompProfile: { type: Unconfined }, allow'), /seccompProfile/],
])('Pod Security restricted refuses %s', (container, message) => {
  expect(parseDocuments(pod(container)).flatMap(podSecurityFaults).join()).toMatch(message);
});

test('Pod Security restricted takes a pod that has all it asks for', () => {
  expect(parseDocuments(pod(safe)).flatMap(podSecurityFaults)).toEqual([]);
});

test('reads quantities', () => {
  expect(['100m', '1', '1.5', '64Mi', '2Gi', '1k'].map(quantity)).toEqual([
    0.1,
    1,
    1.5,
    2 ** 26,
    2 ** 31,
    1000,
  ]);
  expect(() => quantity('64MB')).toThrow('64MB is not a quantity');
});
