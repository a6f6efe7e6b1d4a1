import { encodingOf, fromMessage } from '../broker/amqp-binding.ts';
import { attempt, type AttemptOptions } from '../broker/attempt.ts';
import { sourceRetries } from '../broker/backoff.ts';
import type { Clock } from '../broker/clock.ts';
import type { Event } from '../broker/event.ts';
import { complete, toHttp } from '../broker/http-binding.ts';
import type { Delivery, Message, Queues } from '../broker/queues.ts';
import { startWorkers, type Workers } from '../broker/workers.ts';
import type { Log, Send } from '../../seams.ts';
import type { Source } from '../../manifests/wiring/wiring.ts';

export type SourceOptions = {
  source: Source;
  namespace: string;
  queues: Queues;
  send: Send;
  clock: Clock;
  log: Log;
  stopping: AbortSignal;
  cutting: AbortSignal;
};

/** A RabbitmqSource: takes messages from its queue and POSTs them to its sink as CloudEvents. The queue may come to exist later. */
export async function startSource(options: SourceOptions): Promise<Workers> {
  const { source, queues, log } = options;
  const attempts: AttemptOptions = {
    ...options,
    retry: source.delivery,
    timeoutMs: undefined,
    retries: sourceRetries,
  };
  return startWorkers(
    queues,
    source.queue,
    source.parallelism,
    (delivery) => forward(delivery, options, attempts),
    log,
  );
}

async function forward(
  delivery: Delivery,
  { source, namespace, clock, log }: SourceOptions,
  attempts: AttemptOptions,
): Promise<void> {
  let event: Event;
  try {
    event = complete(sourceEvent(delivery, eventSource(namespace, source), clock), clock.now);
  } catch (error) {
    log(
      source.name,
      `refused a message of queue ${source.queue}: ${(error as Error).message}; it is among the queue's dead letters (eventing/queue.yaml)`,
    );
    delivery.reject();
    return;
  }
  const headers = { ...toHttp(event), 'kn-namespace': namespace };
  const {
    response,
    attempts: made,
    error,
  } = await attempt(source.sink, { headers, body: event.data }, attempts);
  if (response && response.status >= 200 && response.status < 300) {
    delivery.ack();
    return;
  }
  const reason = response ? `status ${response.status}` : (error ?? 'no answer');
  log(source.name, `gave up event ${String(event.attributes['id'])} after ${made} attempts: ${reason}`);
  delivery.reject();
}

/** The `source` that a RabbitmqSource gives to events without one. */
export function eventSource(namespace: string, { name, queue }: Source): string {
  return `/apis/v1/namespaces/${namespace}/rabbitmqsources/${name}#${queue}`;
}

/**
 * The CloudEvent of an AMQP message (eventing-rabbitmq, pkg/rabbit/message.go). Any other message becomes one of type
 * `dev.knative.rabbitmq.event`, without headers, correlation id and reply-to. Throws NotAnEvent.
 */
export function sourceEvent(message: Message, source: string, clock: Clock): Event {
  if (encodingOf(message) !== 'plain') return fromMessage(message, source);
  const id = message.messageId || crypto.randomUUID();
  const time = message.timestamp !== undefined ? new Date(message.timestamp * 1000) : clock.now();
  return {
    attributes: {
      specversion: '1.0',
      id,
      type: 'dev.knative.rabbitmq.event',
      source,
      subject: id,
      time: time.toISOString().replace('.000Z', 'Z'),
    },
    contentType: message.contentType?.trim() || undefined,
    data: message.body,
  };
}
