import { send } from '../http/client.ts';
import { type Event, structuredMessage } from './cloudevents.ts';

/** Publishes to the Broker's ingress at `sink` (K_SINK), which answers 202 once RabbitMQ has confirmed. Rejects when it has not within `deadlineMs`. */
export function publishTo(sink: string): (event: Event, deadlineMs: number) => Promise<void> {
  return async function publish(event, deadlineMs) {
    const { status, body } = await send(sink, structuredMessage(event), deadlineMs);
    if (status < 200 || status > 299)
      throw new Error(`the Broker at ${new URL(sink).host} answered ${status}: ${body.slice(0, 200)}`);
  };
}
