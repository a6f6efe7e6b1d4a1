import * as v from 'valibot';
import { openManagement, queueLengths, type Management } from '../cluster/management.ts';
import { ClusterFault, kubectlJson } from '../cluster/kubectl.ts';
import { producerName } from '../secrets/plan.ts';
import type { Finding } from './finding.ts';
import { producerFinding, type Door } from './producers.ts';

/**
 * What RabbitMQ itself shows: messages that nobody took, who else uses Kickoff's user, and what producers may do. One fault if its management API
 * does not answer. None where the installation's own RabbitMQ is not applied yet: doctor comes before that.
 */
export async function rabbitFindings(namespace: string, door: Door): Promise<Finding[]> {
  let management: Management | undefined;
  try {
    management = await openManagement(namespace);
    return await Promise.all([
      untaken(management, namespace),
      sharedUser(management, namespace),
      producers(management, door),
    ]);
  } catch (error) {
    if (!(error instanceof ClusterFault)) throw error;
    if (error.message.includes(`service/rabbitmq in ${namespace}: Error from server (NotFound)`))
      return [{ ok: true, text: `RabbitMQ in ${namespace} is not applied yet`, remedy: '' }];
    const remedy = 'without it nothing is known of queue ml.dead and of the users';
    return [{ ok: false, text: error.message, remedy }];
  } finally {
    management?.close();
  }
}

async function untaken(management: Management, namespace: string): Promise<Finding> {
  const count = (await queueLengths(management)).get('ml.dead') ?? 0;
  return {
    ok: count === 0,
    text: `queue ml.dead: ${count} messages that nobody took or could read`,
    remedy: `see what they are (docs/operating.md), then kubectl -n ${namespace} exec rabbitmq-0 -- rabbitmqctl purge_queue ml.dead`,
  };
}

const Connections = v.array(
  v.looseObject({
    user: v.optional(v.string()),
    peer_host: v.optional(v.string()),
    client_properties: v.optional(
      v.looseObject({ connection_name: v.optional(v.string()), product: v.optional(v.string()) }),
      {},
    ),
  }),
);
const Pods = v.looseObject({
  items: v.array(
    v.looseObject({
      status: v.optional(
        v.looseObject({ podIP: v.optional(v.string()), hostIP: v.optional(v.string()) }),
        {},
      ),
    }),
  ),
});

async function sharedUser(management: Management, namespace: string): Promise<Finding> {
  const { user } = management;
  const [connections = [], pods] = await Promise.all([
    management.get('connections', Connections),
    kubectlJson(Pods, ['get', 'pods', '-n', namespace]),
  ]);
  // A RabbitMQ outside of the cluster sees the nodes.
  const ours = new Set(pods.items.flatMap(({ status: { podIP, hostIP } }) => [podIP, hostIP]));
  const others = connections
    .filter((one) => one.user === user && one.peer_host !== undefined && !ours.has(one.peer_host))
    .map(
      ({ peer_host: host = '', client_properties: { connection_name: name, product } }) =>
        `${host} (${name ?? product ?? 'unnamed'})`,
    );
  return {
    ok: others.length === 0,
    text: `RabbitMQ user ${user} ${others.length === 0 ? "is used by Kickoff's own pods only" : `is shared: also used from ${[...new Set(others)].join(', ')}`}`,
    remedy: `give that one Secret \`producer\`, then change the password of ${user} (docs/operating.md): who has it can read and answer what others ask`,
  };
}

const Permissions = v.array(v.looseObject({ configure: v.string(), write: v.string(), read: v.string() }));
const Topics = v.array(v.looseObject({ exchange: v.string(), write: v.string(), read: v.string() }));

async function producers(management: Management, door: Door): Promise<Finding> {
  const of = `users/${producerName}`;
  try {
    const user = await management.get(of, v.looseObject({ name: v.string() }), 'administrator');
    const permissions = await management.get(`${of}/permissions`, Permissions, 'administrator');
    const topics = await management.get(`${of}/topic-permissions`, Topics, 'administrator');
    const rights = user && { permissions: permissions ?? [], topics: topics ?? [] };
    return producerFinding(rights, door, producerName);
  } catch (error) {
    if (!(error instanceof ClusterFault)) throw error;
    const remedy = `give it, or make user ${producerName} by the lines of docs/producing-events.md`;
    return { ok: false, text: error.message, remedy };
  }
}
