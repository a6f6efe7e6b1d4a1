import * as v from 'valibot';
import { Forecast } from '../store/history.ts';
import { Answer, ModelRef, PredictionRequest } from '../prediction.ts';

export const requestedType = 'dev.kickoff.prediction.requested.v1';
export const completedType = 'dev.kickoff.prediction.completed.v1';
export const shadowedType = 'dev.kickoff.prediction.shadowed.v1';

/** Asks a function to look at the model's alias now. */
export const refreshType = 'dev.kickoff.model.refresh.v1';

/**
 * Says that an event could not be read, and why, with the event. No Trigger takes it, so the Broker hands it to queue `ml.dead`, where the operator
 * sees it (`eventing/queue.yaml`).
 */
export const refusedType = 'dev.kickoff.event.refused.v1';

/** Sources that begin so are our own functions: nobody else may use them. */
export const ownSources = '/kickoff/';

/** Extension of a completed event: a challenger is to predict the same. Triggers filter by it. */
export const shadowExtension = { shadow: 'wanted' } as const;

/** An extension of an event that a sweep published, and of its answer: what else is overdue follows it. Believed where the event is ours. */
export const sweepExtension = { sweep: 'next' } as const;

/** The most requests that one event carries. */
export const maxRequests = 1000;

/** Data of `dev.kickoff.prediction.requested.v1`: `replyTo` names who waits, and comes back in the completed event. */
export const RequestedData = v.object({
  requests: v.pipe(
    v.array(PredictionRequest),
    v.minLength(1, 'must have at least one request'),
    v.maxLength(maxRequests, `must have at most ${maxRequests} requests`),
  ),
  // The Redis store separates its records by line ends.
  replyTo: v.optional(v.pipe(v.string(), v.maxLength(200), v.regex(/^[^\n\r]*$/, 'must be one line'))),
});
export type RequestedData = v.InferOutput<typeof RequestedData>;

/**
 * Data of `dev.kickoff.prediction.completed.v1`: one outcome for each request of the event that it answers. `replyTo` is that of the event; an
 * outcome has its own where a sweep published its request again.
 */
export const CompletedData = v.object({
  model: ModelRef,
  outcomes: v.pipe(v.array(Answer), v.minLength(1), v.maxLength(maxRequests)),
  replyTo: v.optional(v.string()),
});
export type CompletedData = v.InferOutput<typeof CompletedData>;

/** Data of `dev.kickoff.prediction.shadowed.v1`: what champion and challenger said of the same requests. */
export const ShadowedData = v.object({
  champion: ModelRef,
  challenger: ModelRef,
  pairs: v.pipe(
    v.array(
      v.object({
        ...{ home: v.string(), away: v.string(), league: v.string() },
        ...{ champion: Forecast, challenger: Forecast },
      }),
    ),
    v.minLength(1),
    v.maxLength(maxRequests),
  ),
});

/** Data of `dev.kickoff.model.refresh.v1`: when it was asked. A signature does not cover the `time` of an event. */
export const RefreshData = v.object({ time: v.pipe(v.string(), v.isoTimestamp()) });

/** The extensions that travel through every hop, whoever sent the event (distributed tracing, correlation). */
export const travelling = ['traceparent', 'tracestate', 'correlationid'] as const;

/** Those of an event of ours: the mark of the sweep too. */
export const travellingOfOurs = [...travelling, 'sweep'] as const;
