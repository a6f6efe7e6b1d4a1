import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';

const folder = path.resolve(import.meta.dirname, '../../../../shared/wire');

const RawHeaders = v.array(v.string());
const AmqpMessage = v.object({
  properties: v.object({ headers: v.optional(v.record(v.string(), v.unknown()), {}) }),
  fields: v.object({ exchange: v.string(), routingKey: v.string() }),
  body: v.string(),
});

/** One line of what a recorded function saw: a request with its headers, a response, or a caller that went away. */
const Step = v.object({
  t: v.number(),
  fn: v.optional(v.string(), 'sink'),
  phase: v.picklist(['request', 'response', 'client-closed-early']),
  url: v.optional(v.string()),
  rawHeaders: v.optional(RawHeaders),
  body: v.optional(v.string()),
  status: v.optional(v.number()),
});
export type Step = v.InferOutput<typeof Step>;

export const SourceCase = v.object({
  case: v.string(),
  source: v.string(),
  published: v.object({
    props: v.record(v.string(), v.unknown()),
    headers: v.optional(v.record(v.string(), v.unknown())),
    body: v.optional(v.unknown()),
    bodyB64: v.optional(v.string()),
  }),
  received: v.array(
    v.object({
      method: v.string(),
      url: v.string(),
      rawHeaders: RawHeaders,
      body: v.optional(v.string()),
      bodyB64: v.optional(v.string()),
    }),
  ),
  deadLettered: v.array(AmqpMessage),
});

export const SourceFailures = v.array(
  v.object({
    case: v.string(),
    act: v.record(v.string(), v.unknown()),
    timeline: v.array(Step),
    deadLettered: v.array(AmqpMessage),
  }),
);

export const DeliveryCase = v.object({
  case: v.string(),
  type: v.string(),
  data: v.unknown(),
  ingress: v.object({ status: v.number(), t0: v.number() }),
  id: v.string(),
  timeline: v.array(Step),
});
export type DeliveryCase = v.InferOutput<typeof DeliveryCase>;

/** A message's way through source, Broker, function A, its reply, and function B. */
export const Chain = v.array(
  v.object({
    kind: v.string(),
    i: v.number(),
    aHeaders: RawHeaders,
    bHeaders: RawHeaders,
    bBody: v.string(),
  }),
);

export const Filters = v.record(
  v.string(),
  v.object({ type: v.string(), headers: v.record(v.string(), v.string()), deliveredTo: v.array(v.string()) }),
);

export const Parallelism = v.array(Step);

export const IngressAnswers = v.array(
  v.object({
    case: v.string(),
    url: v.string(),
    headers: v.record(v.string(), v.string()),
    body: v.unknown(),
    answer: v.object({ status: v.number(), body: v.string() }),
  }),
);

export const Landed = v.array(
  v.object({
    case: v.string(),
    sent: v.object({ h: v.nullable(v.record(v.string(), v.string())), b: v.unknown() }),
    ingressAnswer: v.object({ status: v.number() }),
    amqp: v.object({
      fields: v.object({ exchange: v.string(), routingKey: v.string() }),
      properties: v.object({
        contentType: v.string(),
        headers: v.record(v.string(), v.unknown()),
        deliveryMode: v.number(),
        messageId: v.string(),
      }),
      body: v.string(),
    }),
  }),
);

const args = v.record(v.string(), v.unknown());
export const RabbitObjects = v.object({
  exchanges: v.array(v.object({ name: v.string(), type: v.string(), durable: v.boolean(), arguments: args })),
  queues: v.array(
    v.object({
      name: v.string(),
      type: v.string(),
      durable: v.boolean(),
      arguments: args,
      effective_policy_definition: args,
    }),
  ),
  bindings: v.array(
    v.object({ source: v.string(), destination: v.string(), routing_key: v.string(), arguments: args }),
  ),
});

export const Fault = v.object({
  notes: v.array(v.object({ t: v.number(), note: v.string() })),
  timeline: v.array(Step),
});

/** The names of the recordings that begin so, without `.json`. Throws where the recordings are not there. */
export function recordings(prefix: string): string[] {
  if (!existsSync(folder)) {
    throw new Error(`the recordings are missing: ${folder} must exist (shared/wire beside the project)`);
  }
  const names = readdirSync(folder).filter((name) => name.startsWith(prefix) && name.endsWith('.json'));
  if (names.length === 0) throw new Error(`no recording ${prefix}*.json in ${folder}`);
  return names.map((name) => name.slice(0, -'.json'.length)).sort();
}

/** A recording, parsed. */
export function recording<S extends v.GenericSchema>(name: string, schema: S): v.InferOutput<S> {
  const parsed: unknown = JSON.parse(readFileSync(path.join(folder, `${name}.json`), 'utf8'));
  return v.parse(schema, parsed);
}
