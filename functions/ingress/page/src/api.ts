import * as v from 'valibot';
import { ModelRef, Prediction } from '../../../shared/prediction.ts';
import { type Teams, TeamsFile, createTeams } from '../../../shared/model/teams.ts';

/** What is asked about one match. */
export type Fixture = { home: string; away: string; league?: string; kickoff?: string; scoreline?: boolean };

export const Outcome = v.variant('status', [
  v.object({
    status: v.literal('done'),
    prediction: Prediction,
    model: v.optional(ModelRef),
    cached: v.boolean(),
  }),
  v.object({
    status: v.literal('failed'),
    reason: v.string(),
    nearest: v.optional(v.array(v.string()), []),
  }),
  v.object({ status: v.literal('queued') }),
]);
export type Outcome = v.InferOutput<typeof Outcome>;
export type Done = Extract<Outcome, { status: 'done' }>;
export type Ended = Exclude<Outcome, { status: 'queued' }>;

const ProblemBody = v.object({
  detail: v.string(),
  requestId: v.optional(v.string()),
  errors: v.optional(
    v.array(
      v.object({
        pointer: v.string(),
        detail: v.string(),
        nearest: v.optional(v.array(v.string()), []),
      }),
    ),
    [],
  ),
});
type ProblemBody = v.InferOutput<typeof ProblemBody>;

/** An answer that trying again will not change. */
export class Refused extends Error {
  override name = 'Refused';
  readonly faults: ProblemBody['errors'];
  readonly requestId: string | undefined;
  constructor({ detail, errors, requestId }: ProblemBody) {
    super(detail);
    this.faults = errors;
    this.requestId = requestId;
  }
}

/** An answer that says to try again after `seconds`. */
export class Busy extends Error {
  override name = 'Busy';
  readonly seconds: number;
  constructor(detail: string, seconds: number) {
    super(detail);
    this.seconds = seconds;
  }
}

/** The body of a response, parsed. Throws `Busy` for 429, 502, 503 and 504, `Refused` for any other error. */
export async function read<S extends v.GenericSchema>(
  response: Response,
  schema: S,
): Promise<v.InferOutput<S>> {
  if (response.ok) return v.parse(schema, await response.json());
  const text = await response.text();
  const problem = v.safeParse(v.pipe(v.string(), v.parseJson(), ProblemBody), text);
  const body = problem.success
    ? problem.output
    : { detail: `the server answered ${response.status}`, errors: [] };
  if (![429, 502, 503, 504].includes(response.status)) throw new Refused(body);
  const seconds = Number(response.headers.get('retry-after') ?? 1);
  throw new Busy(body.detail, Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0.2), 30) : 1);
}

const Model = v.object({ ...ModelRef.entries, stale: v.boolean(), alias: v.string() });
export type Model = v.InferOutput<typeof Model>;
export type Catalog = { teams: Teams; model: Model };

/** What can be asked and which model answers. */
export async function readCatalog(signal: AbortSignal): Promise<Catalog> {
  const [model, { leagues }, { teams }] = await Promise.all([
    fetch('/v1/model', { signal }).then((response) => read(response, Model)),
    fetch('/v1/leagues', { signal }).then((response) =>
      read(response, v.object({ leagues: TeamsFile.entries.leagues })),
    ),
    fetch('/v1/teams', { signal }).then((response) =>
      read(response, v.object({ teams: TeamsFile.entries.teams })),
    ),
  ]);
  return { model, teams: createTeams({ ratings_as_of: model.ratingsAsOf, leagues, teams }) };
}
