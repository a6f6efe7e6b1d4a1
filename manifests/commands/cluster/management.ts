import * as v from 'valibot';
import { ClusterFault, kubectlJson } from './kubectl.ts';
import { portForward } from './port-forward.ts';

const decoded = v.pipe(
  v.string(),
  v.transform((text) => Buffer.from(text, 'base64').toString()),
);
const Secret = v.looseObject({
  data: v.looseObject({ uri: decoded, username: decoded, password: decoded }),
});

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
  const { data } = await kubectlJson(Secret, ['get', 'secret', 'rabbitmq', '-n', namespace]);
  const url = new URL(/^https?:/.test(data.uri) ? data.uri : `http://${data.uri}:15672`);
  const [, service, of] = /^([^.]+)\.([^.]+)\.svc(?:\.cluster\.local)?$/.exec(url.hostname) ?? [];
  const forward =
    service !== undefined && of !== undefined
      ? await portForward(of, service, Number(url.port || 15672))
      : undefined;
  const base = forward?.url ?? url.origin;
  const authorization = `Basic ${Buffer.from(`${data.username}:${data.password}`).toString('base64')}`;
  return {
    user: data.username,
    async get(path, schema, tag = 'policymaker') {
      const answer = await fetch(new URL(`/api/${path}`, base), {
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
          `RabbitMQ's management API at ${url.origin} answers ${answer.status}: user ${data.username} needs the tag \`${tag}\``,
        );
      return v.parse(schema, await answer.json());
    },
    close: () => forward?.close(),
  };
}

const Queues = v.array(v.looseObject({ name: v.string(), messages: v.optional(v.number()) }));

/** Names of queues with their messages, ready and unacknowledged. Undefined for a queue that RabbitMQ has not counted yet. */
export async function queueLengths(management: Management): Promise<Map<string, number | undefined>> {
  const queues = (await management.get('queues', Queues)) ?? [];
  return new Map(queues.map(({ name, messages }) => [name, messages]));
}
