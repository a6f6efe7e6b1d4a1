import { structuredMessage } from '../../../shared/events/cloudevents.ts';
import { send } from '../../../shared/http/client.ts';
import type { Publisher } from './publisher.ts';

/** Publishes to the Broker's ingress at `sink` (K_SINK), which answers 202 once RabbitMQ has confirmed. */
export function createHttpPublisher(sink: string): Publisher {
  return {
    async publish(event, deadlineMs) {
      const { status, body } = await send(sink, structuredMessage(event), deadlineMs);
      if (status < 200 || status > 299)
        throw new Error(`the Broker at ${new URL(sink).host} answered ${status}: ${body.slice(0, 200)}`);
    },
    async close() {
      // nothing is open between two calls but kept connections, which end with the process
    },
  };
}
