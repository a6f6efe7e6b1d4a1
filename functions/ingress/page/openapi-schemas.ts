import { toJsonSchemaDefs } from '@valibot/to-json-schema';
import * as v from 'valibot';
import { RequestedData, requestedType } from '../../shared/events/events.ts';
import { Fixture, ModelRef, Prediction } from '../../shared/prediction.ts';
import { FixtureList } from '../src/http/fixtures.ts';
import { attributeBounds } from '../src/routes/attributes.ts';
import { InferenceRequest, Parameters } from '../src/routes/inference-tensors.ts';
import { Invocation } from '../src/routes/invocations.ts';

const Queued = v.object({ status: v.literal('queued') });
const Failed = v.object({
  status: v.literal('failed'),
  reason: v.string(),
  nearest: v.optional(v.array(v.string())),
});
const Done = v.object({
  status: v.literal('done'),
  prediction: Prediction,
  model: v.optional(ModelRef),
  cached: v.boolean(),
});
const Outcome = v.variant('status', [Done, Failed, Queued]);
const id = v.string();

/** The answer for one fixture or a list, in whatever state it is. */
export const Answer = v.union([
  v.variant('status', [
    v.object({ id, ...Done.entries }),
    v.object({ id, ...Failed.entries }),
    v.object({ id, ...Queued.entries }),
  ]),
  v.object({ id, status: v.picklist(['queued', 'done']), outcomes: v.array(Outcome) }),
]);

const Accepted = v.object({ id, status: v.literal('queued') });

const ProblemDetails = v.object({
  type: v.string(),
  title: v.string(),
  status: v.number(),
  detail: v.string(),
  requestId: v.string(),
  errors: v.optional(
    v.array(v.object({ pointer: v.string(), detail: v.string(), nearest: v.optional(v.array(v.string())) })),
  ),
});

const attribute = (pattern: RegExp) =>
  v.pipe(v.string(), v.maxLength(attributeBounds.characters), v.regex(pattern));
const RequestedEvent = v.object({
  specversion: v.literal('1.0'),
  id: attribute(/^[!-$&-~]([ -$&-~]*[!-$&-~])?$/),
  source: attribute(/^[\w.~:/?@!$&'()*+,;=-]+$/),
  type: v.literal(requestedType),
  // In the JSON format an unset attribute may be null.
  datacontenttype: v.nullish(v.pipe(v.string(), v.regex(/^[a-z]+\/([a-z0-9.-]+\+)?json$/))),
  data: RequestedData,
});

const League = v.object({
  id: v.string(),
  name: v.string(),
  country: v.string(),
  tier: v.number(),
  teams: v.number(),
});
const Team = v.object({
  name: v.string(),
  country: v.string(),
  league: v.nullable(v.string()),
  aliases: v.array(v.string()),
});

const TensorOut = v.object({
  name: v.string(),
  datatype: v.string(),
  shape: v.array(v.number()),
  data: v.optional(v.array(v.number())),
});
const TensorMetadata = v.object({ name: v.string(), datatype: v.string(), shape: v.array(v.number()) });
const Triple = v.array(v.number());
const Scored = v.object({ probs: Triple, xg: Triple, markets: Triple });

/** Every body of the API, by its name in the description. Those of requests are the schemas that ingress parses with. */
export const schemas = {
  Fixture,
  FixtureList,
  Prediction,
  ModelRef,
  Outcome,
  Answer,
  Accepted,
  Problem: ProblemDetails,
  RequestedData,
  RequestedEvent,
  RequestedEvents: v.pipe(v.array(RequestedEvent), v.minLength(1)),
  EventsAccepted: v.object({
    accepted: v.array(
      v.object({
        id: v.string(),
        requests: v.array(v.object({ id: v.string(), location: v.string() })),
      }),
    ),
  }),
  Leagues: v.object({ leagues: v.array(League) }),
  Teams: v.object({ teams: v.array(Team) }),
  Model: v.object({
    ...{ ...ModelRef.entries, stale: v.boolean(), alias: v.string(), loadedSince: v.string() },
    refusedReason: v.optional(v.string()),
    metrics: v.unknown(),
  }),
  InferenceRequest,
  InferenceResponse: v.object({
    model_name: v.string(),
    model_version: v.string(),
    id: v.optional(v.string()),
    parameters: v.optional(v.object({ refused: v.string() })),
    outputs: v.array(TensorOut),
  }),
  InferenceError: v.object({ error: v.string() }),
  InferenceServer: v.object({ name: v.string(), version: v.string(), extensions: v.array(v.string()) }),
  InferenceModel: v.object({
    name: v.string(),
    versions: v.array(v.string()),
    platform: v.string(),
    inputs: v.array(TensorMetadata),
    outputs: v.array(TensorMetadata),
  }),
  InferenceLive: v.object({ live: v.literal(true) }),
  InferenceReady: v.object({ ready: v.literal(true) }),
  InferenceModelReady: v.object({ name: v.string(), ready: v.literal(true) }),
  Invocation,
  Invocations: v.object({
    predictions: v.union([
      v.array(Scored),
      v.object({ probs: v.array(Triple), xg: v.array(Triple), markets: v.array(Triple) }),
    ]),
  }),
  InvocationError: v.object({ error_code: v.string(), message: v.string() }),
};
export type SchemaName = keyof typeof schemas;

/** The schemas as JSON Schema 2020-12, naming each other as components of an OpenAPI document. */
export function componentSchemas(): Record<string, unknown> {
  const converted = toJsonSchemaDefs(schemas, {
    typeMode: 'input',
    // Trimming has no counterpart there. Nothing else is left out: the description's test checks it.
    errorMode: 'ignore',
    target: 'draft-2020-12',
    overrideSchema: ({ valibotSchema }) => (valibotSchema === Parameters ? { type: 'object' } : undefined),
  });
  return JSON.parse(JSON.stringify(converted).replaceAll('#/$defs/', '#/components/schemas/')) as Record<
    string,
    unknown
  >;
}
