import type { Teams } from '../../../shared/model/teams.ts';
import { writeLink } from './link.ts';

const matches = [
  { home: 'Arsenal', away: 'Chelsea' },
  { home: 'Real Madrid', away: 'FC Barcelona' },
  { home: 'Bayern München', away: 'Borussia Dortmund' },
];

/** Where to begin, for people who have asked nothing yet: matches that this model knows. */
export function Suggestions({ teams }: { teams: Teams }) {
  const known = matches.filter((match) => 'fixture' in teams.resolve(match));
  return (
    <section class="suggestions" aria-label="Where to begin">
      <p>
        Pick two teams: you get the chance of each outcome, the goals to expect, and how likely each scoreline
        is.
      </p>
      {known.length > 0 && (
        <ul>
          {known.map((match) => (
            <li key={match.home}>
              <a href={writeLink(match)}>
                {match.home} v {match.away}
              </a>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
