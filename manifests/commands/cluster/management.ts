import * as v from 'valibot';
import { ClusterFault } from './kubectl.ts';
import { reach } from './reach.ts';
import { secretValues } from './secret.ts';

const Values = v.object({ uri: v.string(), username: v.string(), password: v.string() });

/** RabbitMQ's management API, reached by Secret `rabbitmq`, whose user is `user`. */
export type Management = {
  user: string;
  /** What it says at a path below `/api/`; undefined for what is not there (404). Throws `ClusterFault`, with the tag that the user lacks. */
  get<const S extends v.GenericSchema>(
    path: string,
    schema: S,
    tag?: 'policymaker' | 'administrator',
  ): Promise<v.InferOutput<S> | undefined>;
  close(): void;
};

/** Opens it, through a port-forward if its host is a Service of the cluster. Throws `ClusterFault`. */
export async function openManagement(namespace: string): Promise<Management> {
  const values = await secretValues(namespace, 'rabbitmq');
  if (values === undefined) throw new ClusterFault(`there is no Secret rabbitmq in ${namespace}`);
  const { uri, username, password } = v.parse(Values, values);
  const url = new URL(/^https?:/.test(uri) ? uri : `http://${uri}:15672`);
  const reached = await reach(url.href, 15672);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  return {
    user: username,
    async get(path, schema, tag = 'policymaker') {
      const answer = await fetch(new URL(`/api/${path}`, reached.url), {
        headers: { authorization },
        signal: AbortSignal.timeout(20_000),
      }).catch((error: unknown) => {
        throw new ClusterFault(`RabbitMQ's management API at ${url.origin} does not answer`, {
          cause: error,
        });
      });
      if (answer.status === 404) return undefined;
      if (!answer.ok)
        throw new ClusterFault(
          `RabbitMQ's management API at ${url.origin} answers ${answer.status}: user ${username} needs the tag \`${tag}\``,
        );
      return v.parse(schema, await answer.json());
    },
    close: () => {
      reached.close();
    },
  };
}

const Queues = v.array(v.looseObject({ name: v.string(), messages: v.optional(v.number()) }));

/** Names of queues with their messages, ready and unacknowledged. Undefined for a queue that RabbitMQ has not counted yet. */
export async function queueLengths(management: Management): Promise<Map<string, number | undefined>> {
  const queues = (await management.get('queues', Queues)) ?? [];
  return new Map(queues.map(({ name, messages }) => [name, messages]));
}
