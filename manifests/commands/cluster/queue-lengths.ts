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
const Queues = v.array(v.looseObject({ name: v.string(), messages: v.optional(v.number()) }));

/**
 * RabbitMQ's management API, reached by Secret `rabbitmq`: names of queues with their messages, ready and unacknowledged. Undefined for a queue
 * that it has not counted yet.
 */
export type Management = { lengths(): Promise<Map<string, number | undefined>>; close(): void };

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
    async lengths() {
      const answer = await fetch(new URL('/api/queues', base), {
        headers: { authorization },
        signal: AbortSignal.timeout(20_000),
      }).catch((error: unknown) => {
        throw new ClusterFault(`RabbitMQ's management API at ${url.origin} does not answer`, {
          cause: error,
        });
      });
      if (!answer.ok)
        throw new ClusterFault(
          `RabbitMQ's management API at ${url.origin} answers ${answer.status}: user ${data.username} needs the tag \`policymaker\``,
        );
      const queues = v.parse(Queues, await answer.json());
      return new Map(queues.map(({ name, messages }) => [name, messages]));
    },
    close: () => forward?.close(),
  };
}
