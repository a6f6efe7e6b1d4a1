import * as v from 'valibot';
import { examples } from './openapi-examples.ts';
import {
  body,
  json,
  ok,
  type OpenApi,
  type Parameter,
  problem,
  answerHeaders,
  retryAfter,
  starting,
} from './openapi-parts.ts';
import { longestName } from '../../shared/prediction.ts';
import { longestPrefer } from '../src/http/prefer.ts';
import { attributeBounds } from '../src/routes/attributes.ts';
import { schemas } from './openapi-schemas.ts';

const bodyProblems = {
  ...problem(400, 'The body is not JSON, or two members have one name.', 'the body is not valid JSON'),
  ...problem(413, 'The body is longer than 1 MiB.', 'the body must not be longer than 1048576 bytes'),
  ...problem(415, 'Another content type.', 'content type must be application/json'),
};
const idProblems = {
  ...problem(
    404,
    'This id was never given, or with an answer from the cache, which is not written down.',
    'no prediction was ever asked for under this id',
  ),
  ...problem(
    410,
    'The result was kept for its time and is gone.',
    'the result was kept for its time and is gone',
  ),
};
const idParameter: Parameter = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'The id of the answer, or the one in the place that POST /v1/events names.',
  schema: { type: 'string', pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' },
  example: examples.id,
};
const header = (name: string, description: string, schema: object, example?: string): Parameter => ({
  name,
  in: 'header',
  description,
  schema,
  ...(example === undefined ? {} : { example }),
});
const followLinks = (expression: string) => ({
  read: { operationId: 'getPrediction', parameters: { id: expression } },
  listen: { operationId: 'streamPrediction', parameters: { id: expression } },
});

export const predictions: OpenApi['paths'] = {
  '/v1/predictions': {
    post: {
      operationId: 'predict',
      tags: ['Predictions'],
      summary: 'Predict a match, or up to 1000 at once',
      description:
        'Waits for the answer (10 s, or as `Prefer: wait=N` says, up to 60). With `Prefer: respond-async`, or when it is not ready in time, the answer is 202 with its place. Each fixture of a list has an outcome of its own: one that cannot be predicted fails alone.',
      parameters: [
        header(
          'Prefer',
          `\`respond-async\` to be answered at once, \`wait=N\` to wait N seconds (RFC 7240). Over ${longestPrefer} characters it is ignored.`,
          { type: 'string' },
          'wait=20',
        ),
        header(
          'Idempotency-Key',
          'The same key and body give the same answer, for at least 24 hours; another body is refused with 422. Each caller has keys of its own: by its Authorization header, else by its address.',
          { type: 'string', pattern: '^[!-~]{1,255}$' },
        ),
      ],
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: {
              oneOf: [{ $ref: '#/components/schemas/Fixture' }, { $ref: '#/components/schemas/FixtureList' }],
            },
            examples: {
              single: { summary: 'One match', value: v.parse(schemas.Fixture, examples.fixture) },
              list: { summary: 'A list', value: v.parse(schemas.FixtureList, examples.list) },
            },
          },
        },
      },
      responses: {
        200: {
          description: 'The outcome, or the outcomes in the order of the fixtures.',
          headers: answerHeaders,
          content: {
            'application/json': {
              schema: { $ref: '#/components/schemas/Answer' },
              examples: {
                single: { summary: 'One match', value: v.parse(schemas.Answer, examples.single) },
                list: { summary: 'A list', value: v.parse(schemas.Answer, examples.listDone) },
              },
            },
          },
        },
        202: {
          description: 'Stored and on its way: it cannot get lost.',
          headers: {
            ...answerHeaders,
            ...retryAfter,
            location: {
              description: 'Where the answer will be.',
              required: true,
              schema: { type: 'string' },
            },
          },
          content: json('Accepted', examples.queued),
          links: followLinks('$response.body#/id'),
        },
        ...bodyProblems,
        ...problem(
          422,
          'What is asked cannot be predicted: each fault with its JSON pointer, unknown names with the nearest.',
          'unknown team "Arsenl"; nearest: Arsenal',
          [{ pointer: '/home', detail: 'unknown team "Arsenl"', nearest: ['Arsenal'] }],
        ),
        ...starting,
      },
    },
  },
  '/v1/predictions/{id}': {
    get: {
      operationId: 'getPrediction',
      tags: ['Predictions'],
      summary: 'The state of what was asked',
      parameters: [idParameter],
      responses: {
        200: ok('`queued`, `done` or `failed`.', 'Answer', examples.single),
        ...idProblems,
        ...starting,
      },
    },
  },
  '/v1/predictions/{id}/events': {
    get: {
      operationId: 'streamPrediction',
      tags: ['Predictions'],
      summary: 'The states as server-sent events, to the end',
      description:
        'An event `state` at the start, an event `outcome` for each fixture of a list, and a last `state`. After four minutes the last event is `again`: ask again. A stream that ends with neither was cut. After a break, `Last-Event-ID` goes on where it was.',
      parameters: [
        idParameter,
        header('Last-Event-ID', 'The last event that you have seen.', { type: 'string' }, '0'),
      ],
      responses: {
        200: {
          description: 'The stream.',
          headers: answerHeaders,
          content: {
            'text/event-stream': {
              // One event of the stream: OpenAPI 3.1 has no word for a sequence of them.
              schema: {
                type: 'object',
                required: ['event', 'data'],
                properties: {
                  id: { type: 'string' },
                  event: { enum: ['state', 'outcome', 'again'] },
                  retry: { type: 'integer', description: 'Milliseconds, with `again`.' },
                  data: { type: 'string', contentMediaType: 'application/json' },
                },
              },
              example: examples.streamed,
            },
          },
        },
        ...idProblems,
        ...starting,
      },
    },
  },
};

export const events: OpenApi['paths'] = {
  '/v1/events': {
    post: {
      operationId: 'sendEvents',
      tags: ['Events'],
      summary: 'CloudEvents from other producers',
      description: `CloudEvents 1.0 over HTTP: binary (the attributes as \`ce-\` headers), structured, or a batch. 202 means that the broker has confirmed. A request is known by the source of the event and the id that you give it; the answer names the place of its result. Attributes are printable ASCII without % of at most ${attributeBounds.characters} characters, and an event has at most ${attributeBounds.extensions} extensions: what would arrive changed is refused.`,
      parameters: ['ce-specversion', 'ce-id', 'ce-source', 'ce-type'].map((name) =>
        header(name, 'Binary mode only: the attribute of the event.', { type: 'string' }),
      ),
      requestBody: {
        required: true,
        content: {
          'application/cloudevents+json': body('RequestedEvent', examples.event),
          'application/cloudevents-batch+json': body('RequestedEvents', [examples.event]),
          'application/json': body('RequestedData', examples.data),
        },
      },
      responses: {
        202: {
          description: 'Accepted: the events, and where the results of their requests will be.',
          headers: answerHeaders,
          content: json('EventsAccepted', examples.accepted),
        },
        ...problem(
          400,
          'Not a CloudEvent, or one with an attribute that would arrive changed or never.',
          'attribute correlationid holds U+0025: send printable ASCII without %, which SDKs read alike',
        ),
        ...problem(413, 'The body is longer than 1 MiB.', 'the body must not be longer than 1048576 bytes'),
        ...problem(
          415,
          'Another content type.',
          'content type application/cloudevents+avro is not supported; send JSON',
        ),
        ...problem(
          409,
          'An id was given to another request before. Nothing is accepted.',
          'an id was given to another request',
          [
            {
              pointer: '/data/requests/0/id',
              detail: `${examples.id} is the id of another request of this source: make a new one`,
            },
          ],
        ),
        ...problem(422, 'An event that could never be predicted.', 'the event cannot be accepted', [
          { pointer: '/data/requests/0/home', detail: 'is required' },
        ]),
        ...starting,
      },
    },
  },
};

export const catalogue: OpenApi['paths'] = {
  '/v1/leagues': {
    get: {
      operationId: 'listLeagues',
      tags: ['Catalogue'],
      summary: 'The leagues',
      responses: {
        200: ok('All leagues, with the number of their teams now.', 'Leagues', examples.leagues),
        ...starting,
      },
    },
  },
  '/v1/teams': {
    get: {
      operationId: 'listTeams',
      tags: ['Catalogue'],
      summary: 'The teams, by league and by name',
      parameters: [
        {
          name: 'league',
          in: 'query',
          description: 'Id or name of a league.',
          schema: { type: 'string', maxLength: longestName },
          example: 'ENG1',
        },
        {
          name: 'q',
          in: 'query',
          description: 'Part of a name or alias, in any case, without accents.',
          schema: { type: 'string', maxLength: longestName },
          example: 'man u',
        },
      ],
      responses: {
        200: ok('The teams, best match first.', 'Teams', examples.teams),
        ...problem(
          422,
          'There is no such league, or a text is too long.',
          'unknown league "XXX9"; known: ENG1, ENG2',
        ),
        ...starting,
      },
    },
  },
  '/v1/model': {
    get: {
      operationId: 'getModel',
      tags: ['Catalogue'],
      summary: 'Which model answers, and how good it is',
      description:
        'While the version that the alias names cannot be loaded, the last good one answers. Then `refused` is the version that the alias names (`unknown` where it names none), and `refusedReason` says why. The model of each prediction says `refused` too.',
      responses: { 200: ok('The version that answers now.', 'Model', examples.model), ...starting },
    },
  },
};
