import * as v from 'valibot';
import { isMoment } from './kickoff.ts';

/** The most characters of a name: three times what the longest spelling that we know has. */
export const longestName = 100;
const name = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(longestName));
const probability = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
// It is compared with the model's last result: what is no moment would never be before it.
const moment = v.check(isMoment);
const kickoff = v.union(
  [v.pipe(v.string(), v.isoTimestamp(), moment), v.pipe(v.string(), v.isoDate(), moment)],
  'must be an ISO 8601 date that there is, or date and time with an offset: 2027-05-23 or 2027-05-23T16:00:00+01:00',
);

/** A match to predict, as a caller names it. `league` defaults to the one both teams play in. `scoreline` asks for the grid too. */
export const Fixture = v.strictObject({
  home: name,
  away: name,
  league: v.optional(name),
  kickoff: v.optional(kickoff),
  scoreline: v.optional(v.boolean()),
});
export type Fixture = v.InferOutput<typeof Fixture>;

/** A UUID; a request of a list adds a dot and its place. */
const RequestId = v.pipe(
  v.string(),
  v.regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.\d{1,3})?$/, 'must be a lower-case UUID'),
);

/** A fixture with the id of its request: a UUID; a request of a list adds a dot and its place. */
export const PredictionRequest = v.object({
  id: RequestId,
  ...Fixture.entries,
});
export type PredictionRequest = v.InferOutput<typeof PredictionRequest>;

/**
 * Which model answered: `digest` is the sha256 of the registered artifact, `ratingsAsOf` the date of the last result it knows. `stale`: by a kept
 * copy, since the registry is away. `refused`: the version that the alias names, where that one cannot be loaded (`unknown` where it names none).
 */
export const ModelRef = v.object({
  name: v.string(),
  version: v.string(),
  digest: v.string(),
  ratingsAsOf: v.string(),
  stale: v.optional(v.literal(true)),
  refused: v.optional(v.string()),
});
export type ModelRef = v.InferOutput<typeof ModelRef>;

/** A version by itself, without how it came to answer. */
export function registered({ name, version, digest, ratingsAsOf }: ModelRef): ModelRef {
  return { name, version, digest, ratingsAsOf };
}

/** Probabilities in [0, 1], goals as expectations; all of them from one grid, `scoreline[home goals 0..10][away goals 0..10]`. */
export const Prediction = v.object({
  home: v.string(),
  away: v.string(),
  league: v.string(),
  probabilities: v.object({ home: probability, draw: probability, away: probability }),
  expectedGoals: v.object({ home: v.number(), away: v.number() }),
  markets: v.object({
    over15: probability,
    over25: probability,
    over35: probability,
    bothTeamsScore: probability,
  }),
  scoreline: v.optional(v.array(v.array(probability))),
});
export type Prediction = v.InferOutput<typeof Prediction>;

const done = {
  id: RequestId,
  status: v.literal('done'),
  prediction: Prediction,
  model: v.optional(ModelRef),
};
const failed = {
  id: RequestId,
  status: v.literal('failed'),
  reason: v.string(),
  nearest: v.optional(v.array(v.string())),
};

/** What became of one request: a prediction, or the reason why there can be none. */
export const Outcome = v.variant('status', [v.object(done), v.object(failed)]);
export type Outcome = v.InferOutput<typeof Outcome>;

/** The longest source of a producer, in characters: it comes back with each outcome. */
export const maxSource = 200;

/** The producer that asked, where it is no job of ingress, and what it gets back when its request was published again. */
export const AskerOfOurs = v.object({
  source: v.optional(v.pipe(v.string(), v.maxLength(maxSource))),
  replyTo: v.optional(v.string()),
  correlationid: v.optional(v.string()),
});

/** A request of an event of ours: a sweep publishes those of many producers together. */
export const OurRequest = v.object({ ...PredictionRequest.entries, ...AskerOfOurs.entries });
export type OurRequest = v.InferOutput<typeof OurRequest>;

const answerEntries = { fingerprint: v.pipe(v.string(), v.length(12)), ...AskerOfOurs.entries };

/** An outcome with the fingerprint of the request that it answers (`fingerprint.ts`), and who asked. The id is that which the asker gave. */
export const Answer = v.variant('status', [
  v.object({ ...done, ...answerEntries }),
  v.object({ ...failed, ...answerEntries }),
]);
export type Answer = v.InferOutput<typeof Answer>;

/** The model that an outcome names as its own: a challenger's. */
export function ownModel(outcome: Outcome): ModelRef | undefined {
  return outcome.status === 'done' ? outcome.model : undefined;
}

/** The parts of a fixture that decide its prediction: JSON, so without line end or tab. */
export function fixtureText({
  home,
  away,
  league,
  scoreline,
}: {
  home: string;
  away: string;
  league?: string | undefined;
  scoreline?: unknown;
}): string {
  return JSON.stringify(scoreline ? [home, away, league, 's'] : [home, away, league]);
}

/** The cache key of a prediction. It holds the artifact's digest, so no answer survives its model. */
export function cacheKey(digest: string, fixture: Parameters<typeof fixtureText>[0]): string {
  return digest + fixtureText(fixture);
}
