import { publishTo } from '../../../shared/events/publish-http.ts';
import type { Log } from '../../../shared/log.ts';
import { createAmqpPublisher } from './publish-amqp.ts';
import type { Publisher } from './publisher.ts';

/** RabbitMQ where there is an `AMQP_URL`, otherwise the Broker over HTTP. */
export function createPublisher(
  config: {
    AMQP_URL?: string | undefined;
    AMQP_EXCHANGE: string;
    AMQP_ROUTING_KEY: string;
    K_SINK?: string | undefined;
  },
  log: Log,
): Publisher {
  if (config.AMQP_URL !== undefined)
    return createAmqpPublisher(
      { url: config.AMQP_URL, exchange: config.AMQP_EXCHANGE, routingKey: config.AMQP_ROUTING_KEY },
      log,
    );
  // Nothing is open between two calls but kept connections, which end with the process.
  return { publish: publishTo(config.K_SINK ?? ''), close: () => Promise.resolve() };
}
