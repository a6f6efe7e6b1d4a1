import { portForward } from '../../manifests/commands/cluster/port-forward.ts';
import { postTo } from '../conformance/client.ts';
import { functionsConformance } from '../conformance/functions.ts';
import { ingressUrl, namespace } from './deployed.ts';

const kubeconfig = process.env['KUBECONFIG'];
if (kubeconfig === undefined) console.warn('skipped what producers could make up: set KUBECONFIG');

functionsConformance(`deployed at ${ingressUrl}`, async () => {
  const broker = kubeconfig && (await portForward(namespace, 'kickoff-broker-ingress', 80));
  return {
    request: (target, init) => fetch(new URL(target, ingressUrl), init),
    producers: broker ? { broker: postTo(`${broker.url}/`) } : {},
    async close() {
      if (broker) broker.close();
    },
  };
});
