import { goModule, goProgram, type Need } from '../needs.ts';

const kubernetes = '1.34.4';
const version = 'k8s.io/component-base/version';

/** Kubernetes' own API server, which without these flags does not know its version. */
export const apiServer: Need = await goProgram('test/api-server/kube-apiserver', [
  '-ldflags',
  `-X ${version}.gitVersion=v${kubernetes} -X ${version}.gitMajor=1 -X ${version}.gitMinor=34`,
]);
export const etcd: Need = await goProgram('test/api-server/etcd');
/** What Knative's admission webhooks refuse. */
export const webhooks: Need = await goProgram('test/api-server/webhooks');
/** Sources that carry CRDs and settings as they are installed. */
export const sources: readonly Need[] = [
  await goModule('knative.dev/serving@v0.50.0'),
  await goModule('knative.dev/eventing@v0.50.0'),
  await goModule('knative.dev/networking@v0.0.0-20260727162500-c7a7b772cac9'),
  await goModule('github.com/rabbitmq/messaging-topology-operator@v1.20.1'),
];
