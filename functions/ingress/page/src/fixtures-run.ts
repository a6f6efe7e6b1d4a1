import { isMoment } from '../../../shared/kickoff.ts';
import type { Ended, Fixture } from './api.ts';
import { askList, type Phase } from './ask.ts';
import type { Table } from './csv.ts';

const mostPerRequest = 1000;

/** The fixture of a row. A kickoff is taken only if the API reads it (ISO 8601). */
export function fixtureOf({ home, away, league, kickoff }: Table['rows'][number]): Fixture {
  const iso = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?$/.test(kickoff) && isMoment(kickoff);
  return { home, away, ...(league === '' ? {} : { league }), ...(iso ? { kickoff } : {}) };
}

/** A row that the API would refuse, whatever its teams: it would refuse the whole list. */
function faultOf({ home, away, league }: Fixture): string | undefined {
  if (home === '' || away === '') return `names no ${home === '' ? 'home' : 'away'} team`;
  if (Math.max(home.length, away.length, league?.length ?? 0) > 100)
    return 'has a name of more than 100 characters';
  return undefined;
}

/**
 * Asks for the fixtures in lists of about a twentieth, so that progress shows, and at most 1000. Outcomes come by place, as soon as known.
 * Rejects when a list is refused or the signal aborts; what came before stays.
 */
export async function runFixtures(
  fixtures: readonly { place: number; fixture: Fixture }[],
  onOutcomes: (outcomes: ReadonlyMap<number, Ended>) => void,
  onPhase: (phase: Phase) => void,
  signal: AbortSignal,
): Promise<void> {
  const refused = new Map<number, Ended>();
  const asked = fixtures.filter(({ place, fixture }) => {
    const reason = faultOf(fixture);
    if (reason !== undefined) refused.set(place, { status: 'failed', reason, nearest: [] });
    return reason === undefined;
  });
  if (refused.size > 0) onOutcomes(refused);
  const size = Math.min(mostPerRequest, Math.max(10, Math.ceil(asked.length / 20)));
  for (let start = 0; start < asked.length; start += size) {
    const list = asked.slice(start, start + size);
    let outcomes = new Map<number, Ended>();
    let frame = 0;
    // Outcomes that come together are drawn in one frame, not one by one.
    const flush = (): void => {
      cancelAnimationFrame(frame);
      frame = 0;
      if (outcomes.size > 0) onOutcomes(outcomes);
      outcomes = new Map();
    };
    try {
      await askList(
        list.map(({ fixture }) => fixture),
        (at, outcome) => {
          const place = list[at]?.place;
          if (place === undefined) return;
          outcomes.set(place, outcome);
          frame ||= requestAnimationFrame(flush);
        },
        onPhase,
        signal,
      );
    } finally {
      flush();
    }
  }
}
