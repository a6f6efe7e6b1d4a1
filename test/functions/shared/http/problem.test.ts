import * as v from 'valibot';
import { expect, test } from 'vitest';
import { faultsOf, maxFaults, Problem, problemAnswer } from '../../../../functions/shared/http/problem.ts';

const answer = (problem: Problem) =>
  JSON.parse(problemAnswer(problem, 'request').body) as { detail: string; errors: object[] };

test('a problem tells its first faults, and that there are more', () => {
  const { issues } = v.safeParse(
    v.array(v.string()),
    Array.from({ length: 1000 }, (_, n) => n),
  );
  const { errors } = answer(new Problem(422, 'no', { faults: faultsOf(issues ?? [], '/data') }));
  expect(errors).toHaveLength(maxFaults + 1);
  expect(errors[19]).toMatchObject({ pointer: '/data/19' });
  expect(errors.at(-1)).toEqual({ pointer: '', detail: expect.stringMatching(/more faults/) as unknown });
  const few = new Problem(422, 'no', { faults: faultsOf(issues?.slice(0, maxFaults) ?? []) });
  expect(answer(few).errors).toHaveLength(maxFaults);
});

test('a problem does not send back a long text that came in', () => {
  const name = `a/b~${'c'.repeat(10_000)}`;
  const { issues } = v.safeParse(v.strictObject({}), { [name]: 1 });
  const { detail, errors } = answer(
    new Problem(422, `there is no ${name}`, {
      faults: [...faultsOf(issues ?? []), { pointer: '/x', detail: name }],
    }),
  );
  expect(detail).toMatch(/^there is no a\/b~c+…$/);
  expect(errors).toMatchObject([{ pointer: expect.stringMatching(/^\/a~1b~0c+…$/) as unknown }, {}]);
  expect(JSON.stringify(errors).length).toBeLessThan(1000);
});
