import path from 'node:path';
import { type Context, Hono } from 'hono';
import * as v from 'valibot';
import { newId } from '../../shared/id.ts';
import type { Log } from '../../shared/log.ts';
import { longestName } from '../../shared/prediction.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { Problem, problemAnswer, retryLater } from '../../shared/http/problem.ts';
import { StoreUnavailable } from '../../shared/store/store.ts';
import { continueTrace } from '../../shared/events/trace.ts';
import { readText } from './http/body.ts';
import { leagues, teamsText } from './catalog.ts';
import type { createChallengerState } from './challenger-state.ts';
import { crossOrigin } from './http/cross-origin.ts';
import { eventsAccepted, type Forward, readRequested } from './routes/events.ts';
import {
  type Handler,
  type Handlers,
  type HttpAnswer,
  json,
  jsonText,
  refusedHeader,
} from './http/answer.ts';
import { inferenceRoutes } from './routes/inference-protocol.ts';
import { invocations } from './routes/invocations.ts';
import { createPage, pageFiles } from './routes/page.ts';
import {
  bodyLimit,
  getPrediction,
  postPrediction,
  type PredictionParts,
  streamPrediction,
} from './routes/predictions.ts';
import type { Webhook } from './routes/webhook.ts';

/** The built page: beside `main.mjs` in an image, and beside `src` when this runs from its source. */
const pageFolder = path.resolve(import.meta.dirname, '../dist/page');

export type IngressParts = PredictionParts & {
  forward: Forward;
  alias: string;
  webhook: Webhook | undefined;
  challengerState: ReturnType<typeof createChallengerState>;
  log: Log;
  metrics: Metrics;
};

/**
 * The ingress function: the HTTP API and the page. `parts` is undefined until the catalogue is loaded: 503 until then. Pages of `allowedOrigins`
 * may call the API too.
 */
export function createApp(
  parts: () => IngressParts | undefined,
  log: Log,
  metrics: Metrics,
  allowedOrigins: readonly string[] = [],
): Hono {
  const app = new Hono();
  // Without allowed origins no answer depends on the origin.
  if (allowedOrigins.length > 0) app.use(crossOrigin(allowedOrigins));
  const present = (): IngressParts => {
    const known = parts();
    if (!known) throw retryLater('starting: the teams of the model are being loaded');
    return known;
  };

  /** Answers for a route: adds the headers of every answer, and counts it. */
  async function respond(c: Context, path: string, handler: Handler): Promise<Response> {
    const start = performance.now();
    const given = c.req.header('x-request-id') ?? '';
    const requestId = /^[\w.:-]{1,100}$/.test(given) ? given : newId();
    let answer: HttpAnswer;
    // Read behind the handler: its own answer may have told it.
    let refused: string | undefined;
    try {
      answer = await handler(c);
      refused = parts()?.refusedVersion();
    } catch (error) {
      const problem = problemOf(error, c.req.raw.signal);
      if (problem.status >= 500)
        log[error instanceof Problem ? 'warn' : 'error']('request refused', {
          requestId,
          path: c.req.path,
          error,
        });
      if (problem.status === 499) log.debug('request broken off', { requestId, path: c.req.path });
      answer = problemAnswer(problem, requestId);
      if (error instanceof Problem) refused = parts()?.refusedVersion();
    }
    const { status = 200, headers, body = null } = answer;
    const labels = { method: c.req.method, route: path, status: String(status) };
    metrics.count('kickoff_http_requests_total', labels);
    metrics.observe('kickoff_http_seconds', (performance.now() - start) / 1000);
    return new Response(body, {
      status,
      headers: {
        ...headers,
        'x-request-id': requestId,
        ...(refused === undefined ? {} : { [refusedHeader]: refused }),
      },
    });
  }

  /** A route with its methods; any other method is 405 with the allowed ones. */
  function route(path: string, handlers: Handlers): void {
    const allow = Object.keys(handlers).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
    const byMethod = new Map<string, Handler>(Object.entries(handlers));
    if (handlers.GET) byMethod.set('HEAD', handlers.GET);
    const refuse = (c: Context): never => {
      throw new Problem(405, `${c.req.method} is not allowed here`, { headers: { allow: allow.join(', ') } });
    };
    // One handler for all methods: without middleware Hono calls it as it is.
    app.all(path, (c) => respond(c, path, byMethod.get(c.req.method) ?? refuse));
  }

  route('/v1/predictions', { POST: (c) => postPrediction(c, present()) });
  route('/v1/predictions/:id', { GET: (c) => getPrediction(c.req.param('id') ?? '', present()) });
  route('/v1/predictions/:id/events', {
    GET: (c) => streamPrediction(c, c.req.param('id') ?? '', present()),
  });

  route('/v1/events', {
    async POST(c) {
      const { forward } = present();
      const { headers, url } = c.req.raw;
      const text = await readText(c.req.raw, bodyLimit);
      const requested = await readRequested(new Request(url, { method: 'POST', headers, body: text }));
      const traced = requested.map((one) => {
        const given = (name: string): string | null => {
          const value = one.event[name];
          return typeof value === 'string' ? value : headers.get(name);
        };
        return { ...one, extensions: continueTrace({ get: given }) };
      });
      await forward(traced);
      return json(eventsAccepted(requested), { status: 202 });
    },
  });

  route('/v1/leagues', {
    GET: () => json({ leagues: leagues(present().catalog.current().value.teams) }),
  });

  route('/v1/teams', {
    GET(c) {
      const { teams } = present().catalog.current().value;
      const { league: wanted = '', q = '' } = c.req.query();
      for (const [name, text] of Object.entries({ league: wanted, q }))
        if (text.length > longestName)
          throw new Problem(422, `${name} must not have more than ${longestName} characters`);
      // A form sends an unfilled field as empty.
      const league = wanted ? teams.league(wanted) : undefined;
      if (wanted && !league)
        throw new Problem(
          422,
          `unknown league "${wanted}"; known: ${teams.file.leagues.map(({ id }) => id).join(', ')}`,
        );
      return jsonText(`{"teams":${teamsText(teams.search({ league, text: q }))}}`);
    },
  });

  route('/v1/model', {
    async GET() {
      const { catalog, alias, challengerState } = present();
      const { ref, loadedSince, refusal, value } = catalog.current();
      const challenger = await challengerState(ref);
      const card = v.safeParse(v.object({ metrics: v.unknown() }), value.card);
      return json({
        ...ref,
        stale: ref.stale ?? false,
        refusedReason: refusal?.reason,
        alias,
        loadedSince,
        metrics: card.success ? card.output.metrics : null,
        ...(challenger ? { challenger } : {}),
      });
    },
  });

  inferenceRoutes(route, present);
  route('/invocations', { POST: (c) => invocations(c.req.raw, present) });
  // SageMaker's health check; MLflow's scoring server answers it too.
  route('/ping', {
    GET: () => (present(), { headers: { 'content-type': 'text/plain; charset=UTF-8' }, body: '\n' }),
  });

  route('/v1/model/webhook', {
    POST(c) {
      const { webhook } = present();
      if (!webhook) throw new Problem(404, 'MLFLOW_WEBHOOK_SECRET is not set here');
      return webhook(c.req.raw);
    },
  });

  const page = createPage(pageFolder);
  for (const [path, file] of pageFiles) route(path, { GET: (c) => page(c, file(c.req.path)) });

  app.notFound((c) =>
    respond(c, '/*', () => {
      throw new Problem(404, 'there is nothing here');
    }),
  );
  return app;
}

function problemOf(error: unknown, { aborted }: AbortSignal): Problem {
  if (error instanceof Problem) return error;
  // nginx's status for this: nobody reads it, but it is counted.
  if (aborted) return new Problem(499, 'the client broke off its request');
  if (error instanceof StoreUnavailable) return retryLater('the store does not answer');
  return new Problem(500, 'something went wrong here; the request id finds it in the log');
}
