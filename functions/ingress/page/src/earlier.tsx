import type { Entry } from './history.ts';
import { writeLink } from './link.ts';
import { day, wholePercents } from './numbers.ts';
import { OutcomeBar } from './outcome-bar.tsx';
import { visible } from '../../../shared/visible.ts';

/** The matches asked about before in this browser, each a link. */
export function Earlier({
  entries,
  leagueName,
  onForget,
}: {
  entries: readonly Entry[];
  leagueName: (id: string) => string;
  onForget: () => void;
}) {
  if (entries.length === 0) return null;
  return (
    <section class="earlier" aria-labelledby="earlier">
      <header>
        <h2 id="earlier">Asked before</h2>
        <button type="button" class="quiet" onClick={onForget}>
          Forget all
        </button>
      </header>
      <ul>
        {entries.map(({ home, away, league, probabilities, at }) => (
          <li key={`${home}|${away}|${league}`}>
            <a href={writeLink({ home, away, ...(league === 'neutral' ? {} : { league }) })}>
              <span>
                {visible(home)} v {visible(away)}
              </span>
              <OutcomeBar probabilities={probabilities} />
              <small>
                {wholePercents([probabilities.home, probabilities.draw, probabilities.away]).join(' · ')} %,{' '}
                {visible(leagueName(league))}, {day(new Date(at).toISOString())}
              </small>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
