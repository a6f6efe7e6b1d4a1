import { expect, test } from 'vitest';
import { operatorFindings } from '../../../../manifests/commands/doctor/operators.ts';

const now = Date.parse('2026-11-30T12:00:00Z');
const name = 'rabbitmq-system/messaging-topology-operator';
const labels = { app: 'topology' };
const operator = {
  metadata: { name: 'messaging-topology-operator', namespace: 'rabbitmq-system', labels: {} },
  spec: {
    replicas: 1,
    selector: { matchLabels: labels },
    template: {
      spec: {
        containers: [{ image: 'operator:1.20.1', resources: { requests: { cpu: '0', memory: '0' } } }],
      },
    },
  },
  // As it says of itself between two exits.
  status: { readyReplicas: 1 },
};
function found(
  restartCount: number,
  minutes: number,
  of = labels,
): { ok: boolean; text: string; remedy: string } | undefined {
  const finishedAt = new Date(now - minutes * 60_000).toISOString();
  const pod = {
    metadata: { namespace: 'rabbitmq-system', labels: of },
    spec: { containers: [] },
    status: {
      phase: 'Running',
      containerStatuses: [{ restartCount, lastState: { terminated: { finishedAt } } }],
    },
  };
  return operatorFindings([operator], [pod], now).find(({ text }) => text.startsWith(name));
}

test('an operator that ends again and again is a fault, though it is ready', () => {
  expect(found(3, 4)).toEqual({
    ok: false,
    text: `${name} 1.20.1 ends again and again: 3 restarts`,
    remedy: 'kubectl -n rabbitmq-system logs deployment/messaging-topology-operator --previous',
  });
});

test.each([
  ['restarts of long ago', found(3, 60)],
  ['one restart', found(1, 4)],
  ['restarts of another pod', found(3, 4, { app: 'other' })],
])('%s are none', (_, finding) => {
  expect(finding).toMatchObject({ ok: true, text: `${name} 1.20.1` });
});

test('one that is missing, old or not ready', () => {
  const of = (change: object) =>
    operatorFindings([{ ...operator, ...change }], [], now).find(({ text }) => text.startsWith(name));
  expect(operatorFindings([], [], now).find(({ text }) => text.startsWith(name))).toMatchObject({
    ok: false,
    text: `${name} missing`,
  });
  const metadata = { ...operator.metadata, labels: { 'app.kubernetes.io/version': 'v1.19.2' } };
  expect(of({ metadata })).toMatchObject({ ok: false, text: `${name} v1.19.2` });
  expect(of({ status: { readyReplicas: 0 } })).toMatchObject({ ok: false, text: `${name} not ready` });
});
