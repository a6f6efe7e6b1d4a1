import { setTimeout as wait } from 'node:timers/promises';
import { ask, final, fixtures } from './deployed.ts';

/** What callers got: answers by status, ids that were accepted, and what no caller may get. */
export type Tally = { answered: Map<number, number>; accepted: string[]; wrong: string[] };

/** `200: 12, 202: 3` */
export function statusLine({ answered }: Tally): string {
  return [...answered]
    .toSorted(([a], [b]) => a - b)
    .map(([status, count]) => `${status}: ${count}`)
    .join(', ');
}

/**
 * Callers that ask until `stop`, one after the other; every fourth request is asynchronous, or none. Wrong are: no answer, one that was cut, and any status
 * but 200, 202, and 429 or 503 with a `Retry-After`.
 */
export function startCallers(
  count: number,
  { asynchronous = true } = {},
): { tally: Tally; stop(): Promise<Tally> } {
  const tally: Tally = { answered: new Map(), accepted: [], wrong: [] };
  let ended = false;
  async function caller(): Promise<void> {
    for (let n = 0; !ended; n++) {
      const [one] = await fixtures(1);
      const prefer = asynchronous && n % 4 === 3 ? 'respond-async' : 'wait=60';
      try {
        const { status, headers, body } = await ask('/v1/predictions', one, { prefer });
        tally.answered.set(status, (tally.answered.get(status) ?? 0) + 1);
        const later = headers.get('retry-after');
        if (status === 202) tally.accepted.push(headers.get('location') ?? '');
        else if (status === 429 || status === 503) {
          if (later === null) tally.wrong.push(`${status} without Retry-After: ${JSON.stringify(body)}`);
          await wait(1000 * Number(later ?? 1));
        } else if (status !== 200) tally.wrong.push(`${status}: ${JSON.stringify(body)}`);
      } catch (error) {
        const cause =
          error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
        tally.wrong.push(`${String(error)}${cause}`);
      }
    }
  }
  const all = Promise.all(Array.from({ length: count }, caller));
  return {
    tally,
    async stop() {
      ended = true;
      await all;
      return tally;
    },
  };
}

/** The final states of what was accepted, counted: asked for one after the other, since nginx has a rate for each address. */
export async function states(
  { accepted }: Pick<Tally, 'accepted'>,
  deadline: number,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const one of accepted) {
    const state = await final(one, deadline);
    counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
}
