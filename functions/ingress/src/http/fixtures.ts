import * as v from 'valibot';
import { maxRequests } from '../../../shared/events/events.ts';
import { Fixture, type Outcome } from '../../../shared/prediction.ts';
import { faultsOf, Problem } from '../../../shared/http/problem.ts';
import type { FixtureFault, Teams } from '../../../shared/model/teams.ts';

/** A list of fixtures, as a caller names them. */
export const FixtureList = v.strictObject({
  fixtures: v.pipe(
    v.array(Fixture),
    v.minLength(1, 'must name at least one fixture'),
    v.maxLength(maxRequests, `must not name more than ${maxRequests} fixtures`),
  ),
});

/** What a caller asks for: one fixture or a list, as given and by canonical names. In a list, a fixture that cannot be predicted has its fault. */
export type Asked = {
  list: boolean;
  fixtures: ({ given: Fixture } & (ResolvedFixture | { fault: FixtureFault }))[];
};
export type ResolvedFixture = { fixture: Fixture & { league: string } };

/**
 * Reads the body of a request for predictions. Throws a 422 `Problem` with a pointer for each fault of its structure; for a single fixture also
 * when it cannot be predicted.
 */
export function readFixtures(body: unknown, teams: Pick<Teams, 'resolve' | 'resolver'>): Asked {
  if (typeof body === 'object' && body !== null && 'fixtures' in body) {
    const parsed = v.safeParse(FixtureList, body);
    if (!parsed.success)
      throw new Problem(422, 'the list of fixtures is not valid', { faults: faultsOf(parsed.issues) });
    const resolve = teams.resolver();
    const fixtures = parsed.output.fixtures.map((given) => ({ given, ...resolve(given) }));
    return { list: true, fixtures };
  }
  const parsed = v.safeParse(Fixture, body);
  if (!parsed.success)
    throw new Problem(422, 'the fixture is not valid', { faults: faultsOf(parsed.issues) });
  const found = teams.resolve(parsed.output);
  if ('fault' in found) {
    const { field, reason, nearest } = found.fault;
    const fault = { pointer: `/${field}`, detail: reason, ...(nearest ? { nearest } : {}) };
    throw new Problem(422, reason, { faults: [fault] });
  }
  return { list: false, fixtures: [{ given: parsed.output, ...found }] };
}

/** The outcome of a fixture that cannot be predicted. */
export function failedOutcome(id: string, { reason, nearest }: FixtureFault): Outcome {
  return { id, status: 'failed', reason, ...(nearest ? { nearest } : {}) };
}
