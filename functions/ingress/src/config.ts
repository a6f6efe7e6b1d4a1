import * as v from 'valibot';
import {
  amqpUrl,
  commonEntries,
  httpUrl,
  modelEntries,
  signingEntries,
  storeUrl,
  wholeNumber,
} from '../../shared/config.ts';

/** The environment of ingress. */
export const Config = v.object({
  ...commonEntries,
  ...modelEntries,
  ...signingEntries,
  STORE_URL: storeUrl,
  AMQP_URL: v.optional(amqpUrl),
  /** As eventing/queue.yaml declares them. */
  AMQP_EXCHANGE: v.optional(v.string(), 'kickoff'),
  AMQP_ROUTING_KEY: v.optional(v.string(), 'ml'),
  /** The Broker's address, set by a SinkBinding; not used where there is an AMQP_URL. */
  K_SINK: v.optional(httpUrl),
  /** The address of predict, asked when the broker or the store is away. */
  PREDICT_URL: v.optional(httpUrl),
  /** The secret that signs MLflow's registry webhooks; without it there is no POST /v1/model/webhook. */
  MLFLOW_WEBHOOK_SECRET: v.optional(v.pipe(v.string(), v.minLength(16, 'must have at least 16 characters'))),
  PUBLISH_DEADLINE_MS: wholeNumber(10, 60_000, 2000),
  /** How long a caller without a preference waits. */
  WAIT_MS: wholeNumber(0, 60_000, 10_000),
  /** Requests under way at the same time; beyond it 503. */
  MAX_REQUESTS: wholeNumber(1, 1_000_000, 20_000),
  /** Origins (`https://example.org`) whose pages may call the API, separated by spaces or commas. */
  ALLOWED_ORIGINS: v.optional(
    v.pipe(
      v.string(),
      v.transform((list) => list.split(/[\s,]+/).filter(Boolean)),
      v.array(
        v.pipe(
          httpUrl,
          v.check(
            (url) => new URL(url).origin === url,
            'must be an origin, without a path: https://example.org',
          ),
        ),
      ),
    ),
    '',
  ),
  /** Predictions kept in this process. */
  RECENT_PREDICTIONS: wholeNumber(0, 1_000_000, 10_000),
});
export type Config = v.InferOutput<typeof Config>;

/** Ingress needs a way to the broker: one of these. */
export const publisherVariables = ['AMQP_URL', 'K_SINK'] as const;
