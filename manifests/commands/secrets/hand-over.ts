import { ClusterFault, kubectl } from '../cluster/kubectl.ts';
import { SecretsFault } from './age-key.ts';
import type { Secrets } from './faults.ts';

type Values = Readonly<Record<string, string>>;

/** Secrets that functions read when they start. */
const ofFunctions = ['amqp', 'store', 'signing'];
const pods = 'serving.knative.dev/service';

/** Of the Secrets `wanted` those that a cluster has with other values. */
export function changedOf(live: Secrets, wanted: Secrets): string[] {
  return Object.entries(wanted)
    .filter(([name, values = {}]) => {
      const before = live[name];
      return before !== undefined && Object.entries(values).some(([key, value]) => before[key] !== value);
    })
    .map(([name]) => name);
}

/**
 * Lets the servers of an installation take new passwords, before their Secrets change: whoever starts with the new one gets in at once. RabbitMQ
 * keeps its password in its volume; its open connections stay. Redis takes the old one too until it restarts, so that functions end in peace what
 * they have. Throws `ClusterFault`, or `SecretsFault` for what a running server cannot take.
 */
export async function prepareServers(
  namespace: string,
  live: Secrets,
  wanted: Secrets,
  say: (line: string) => void,
): Promise<void> {
  const { rabbitmq, redis } = wanted;
  if (rabbitmq && differs(live['rabbitmq'], rabbitmq) && rabbitmq['uri']?.includes(`.${namespace}.svc`)) {
    const { username = '', password = '' } = rabbitmq;
    const pod = await running(namespace, 'app.kubernetes.io/name=rabbitmq');
    if (pod !== undefined && username !== live['rabbitmq']?.['username'])
      throw new SecretsFault(
        `Secret rabbitmq: the RabbitMQ in ${namespace} has user ${live['rabbitmq']?.['username'] ?? ''} in its volume; only the password can change`,
      );
    if (pod !== undefined) {
      await exec(namespace, pod, ['rabbitmqctl', '-q', 'change_password', username], password);
      say(`RabbitMQ takes the new password of ${username}`);
    }
  }
  if (redis && differs(live['redis'], redis)) {
    const pod = await running(namespace, 'app.kubernetes.io/name=redis,app.kubernetes.io/component=primary');
    if (pod !== undefined) {
      const added = ['redis-cli', '-x', 'acl', 'setuser', 'default'];
      const answer = await exec(namespace, pod, added, `>${redis['password'] ?? ''}`);
      if (answer.trim() !== 'OK') throw new ClusterFault(`redis-cli in ${pod}: ${answer.trim()}`);
      say('Redis takes the new password, and the old one until it restarts');
    }
  }
}

/** Has what reads a `changed` Secret take it: eventing-rabbitmq, and functions, whose pods end what they have in flight. Says what is left to do. Throws `ClusterFault`. */
export async function renewReaders(
  namespace: string,
  changed: readonly string[],
  say: (line: string) => void,
): Promise<void> {
  if (changed.includes('rabbitmq')) await nudgeEventing(namespace, say);
  if (changed.some((name) => ofFunctions.includes(name))) {
    const ended = await kubectl(['delete', 'pods', '-n', namespace, '-l', pods, '--wait=false']);
    if (ended.includes('deleted'))
      say(`functions start anew with the new values; each pod first ends what it has:\n${ended.trim()}`);
  }
  if (changed.includes('redis'))
    say(
      `when those pods are gone, let Redis forget the old password: kubectl -n ${namespace} rollout restart statefulset -l app.kubernetes.io/name=redis`,
    );
}

/**
 * eventing-rabbitmq copies the password into Secrets of its own, and looks at ours only when something of its objects changes. Without this its pods
 * would come back with the old password after the next restart of RabbitMQ.
 */
async function nudgeEventing(namespace: string, say: (line: string) => void): Promise<void> {
  const mark = `kickoff.dev/rabbitmq-changed=${Date.now()}`;
  for (const resource of ['brokers.eventing.knative.dev', 'rabbitmqsources.sources.knative.dev'])
    try {
      await kubectl(['annotate', '--overwrite', '--all', resource, mark, '-n', namespace]);
    } catch (error) {
      // Not installed yet.
      if (!(error instanceof ClusterFault && error.message.includes('resource type'))) throw error;
    }
  say('eventing-rabbitmq takes the new password of RabbitMQ');
}

function differs(before: Values | undefined, after: Values): boolean {
  return before !== undefined && before['password'] !== after['password'];
}

/** A running pod with these labels, as kubectl names it. */
async function running(namespace: string, labels: string): Promise<string | undefined> {
  const how = ['-l', labels, '--field-selector=status.phase=Running', '-o', 'name'];
  return (await kubectl(['get', 'pods', '-n', namespace, ...how])).trim().split('\n')[0] || undefined;
}

/** Runs a program in a pod; `input` is not on its command line, where others could see it. */
function exec(namespace: string, pod: string, program: readonly string[], input: string): Promise<string> {
  return kubectl(['exec', '-i', '-n', namespace, pod, '--', ...program], input, '0');
}
