import { ClusterFault, kubectl } from '../cluster/kubectl.ts';
import { secretValues } from '../cluster/secret.ts';
import { textAt } from '../yaml/bundle.ts';
import { argument, list, served, type Live } from './live.ts';

/** Whether an object waits to be taken out of the RabbitMQ of Secret `rabbitmq`. */
export function isHeld(object: Live): boolean {
  const secret = ['rabbitmqClusterReference', 'connectionSecret', 'name'];
  return object.metadata.deletionTimestamp !== undefined && textAt(object, 'spec', ...secret) === 'rabbitmq';
}

/**
 * Whether nobody will take objects out of RabbitMQ any more: its Secret is gone, or it stood in this namespace and its server is gone. One that is
 * still there but does not answer (`stuck`) counts too if it is of this namespace, since it goes with it. Throws `ClusterFault`.
 */
export async function abandoned(namespace: string, stuck: boolean): Promise<boolean> {
  const secret = await secretValues(namespace, 'rabbitmq');
  if (secret === undefined) return true;
  if (!secret['uri']?.includes(`rabbitmq.${namespace}.svc`)) return false;
  const servers = await list(namespace, await served(['statefulsets.apps', 'rabbitmqclusters.rabbitmq.com']));
  return stuck || !servers.some(({ metadata }) => metadata.name === 'rabbitmq');
}

/** Takes the topology operator's finalizers from objects, and leaves others'. Throws `ClusterFault`. */
export async function release(namespace: string, objects: readonly Live[]): Promise<void> {
  for (const one of objects) {
    const finalizers = one.metadata.finalizers.filter((name) => !name.startsWith('deletion.finalizers.'));
    const patch = JSON.stringify({ metadata: { finalizers } });
    await kubectl(['patch', argument(one), '-n', namespace, '--type=merge', '-p', patch]).catch(
      (error: unknown) => {
        // Meanwhile the operator has let it go after all.
        if (!(error instanceof ClusterFault && error.message.includes('NotFound'))) throw error;
      },
    );
  }
}
