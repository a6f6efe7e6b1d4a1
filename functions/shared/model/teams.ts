import * as v from 'valibot';
import type { Fixture } from '../prediction.ts';
import { fold } from './fold.ts';
import { createNearest, type Nearest } from './nearest.ts';
import { createSearch } from './search.ts';

const League = v.object({ id: v.string(), name: v.string(), country: v.string(), tier: v.number() });
export type League = v.InferOutput<typeof League>;
const Team = v.object({
  name: v.string(),
  country: v.string(),
  league: v.nullable(v.string()),
  aliases: v.array(v.string()),
});
export type Team = v.InferOutput<typeof Team>;

/** `teams.json` of an artifact: what its model can be asked about. A team's `league` is null when it is in none of them now. */
export const TeamsFile = v.object({
  ratings_as_of: v.pipe(v.string(), v.isoDate()),
  leagues: v.array(League),
  teams: v.array(Team),
});
export type TeamsFile = v.InferOutput<typeof TeamsFile>;

/** The model's neutral league: for teams of two countries, or of none of the leagues now. */
export const neutralLeague = 'neutral';

/** Why a fixture cannot be predicted; `field` is the part of it at fault. */
export type FixtureFault = {
  field: 'home' | 'away' | 'league' | 'kickoff';
  reason: string;
  nearest?: string[];
};

/** Gives the same fixture by canonical names with its league filled in, or why it cannot be predicted. */
export type Resolve = (
  fixture: Fixture,
) => { fixture: Fixture & { league: string } } | { fault: FixtureFault };

/** The most unknown names of a list that are told what is nearest to them. */
export const maxExplained = 20;

/** The teams of one model version, by every spelling. */
export type Teams = {
  file: TeamsFile;
  resolve: Resolve;
  /** For one list: what is unknown is looked up once, and only the first `maxExplained` unknown names are told what is nearest to them. */
  resolver(): Resolve;
  league(spelling: string): League | undefined;
  /** Teams by league and by text in a name or alias, best match first. Without a text always the same array. */
  search(query: { league?: League | undefined; text?: string | undefined }): readonly Team[];
};

/** Indexes the teams by names and aliases, without case, accents and punctuation. */
export function createTeams(file: TeamsFile): Teams {
  const teams = new Map<string, Team>();
  for (const team of file.teams)
    for (const spelling of [team.name, ...team.aliases]) teams.set(spelling, team);
  // Made when a spelling needs them: folding all names takes a cold process 10 ms.
  let names: BySpelling<Team> | undefined;
  let leagues: BySpelling<League> | undefined;
  let nearest: Nearest | undefined;
  const search = createSearch(file.teams);
  const league = (spelling: string): League | undefined =>
    (leagues ??= bySpelling(file.leagues.flatMap((each) => [[each.id, each] as const, [each.name, each]])))(
      spelling,
    );

  /** The league that both teams play in; where they differ, the upper one: the other team has just been promoted. */
  function usualLeague(home: Team, away: Team): string {
    if (home.country !== away.country) return neutralLeague;
    const tier = (id: string | null): number => file.leagues.find((each) => each.id === id)?.tier ?? Infinity;
    return (tier(away.league) < tier(home.league) ? away.league : home.league) ?? neutralLeague;
  }

  function resolver(): Resolve {
    const found = new Map<string, Team | undefined>();
    const explained = new Map<string, string[]>();

    function find(name: string): Team | undefined {
      const exact = teams.get(name);
      if (exact || found.has(name)) return exact ?? found.get(name);
      const team = (names ??= bySpelling(spellingsOf(file.teams)))(name);
      found.set(name, team);
      return team;
    }

    function unknownTeam(field: 'home' | 'away', name: string): { fault: FixtureFault } {
      if (!explained.has(name) && explained.size < maxExplained) {
        nearest ??= createNearest(file.teams);
        explained.set(name, nearest(name));
      }
      const near = explained.get(name) ?? [];
      const reason = `unknown team "${name}"`;
      if (near.length === 0) return { fault: { field, reason } };
      return { fault: { field, reason: `${reason}; nearest: ${near.join(', ')}`, nearest: near } };
    }

    return function resolve(fixture) {
      const home = find(fixture.home);
      if (!home) return unknownTeam('home', fixture.home);
      const away = find(fixture.away);
      if (!away) return unknownTeam('away', fixture.away);
      if (home === away)
        return { fault: { field: 'away', reason: `"${fixture.away}" is the home team too` } };
      let id = usualLeague(home, away);
      if (fixture.league !== undefined && fixture.league !== neutralLeague) {
        const given = league(fixture.league);
        if (!given) {
          const nearest = file.leagues.map((each) => each.id);
          return {
            fault: {
              field: 'league',
              reason: `unknown league "${fixture.league}"; known: ${nearest.join(', ')}`,
              nearest,
            },
          };
        }
        // Compares the country, not the league: two teams that have just been promoted meet in the next one.
        const stranger = [home, away].find(({ country }) => country !== given.country);
        if (stranger) {
          const reason = `league ${given.id} does not fit: ${stranger.name} is a team of ${stranger.country}`;
          return { fault: { field: 'league', reason } };
        }
        id = given.id;
      } else if (fixture.league === neutralLeague) id = neutralLeague;
      if (fixture.kickoff !== undefined && new Date(fixture.kickoff) < new Date(file.ratings_as_of)) {
        const reason = `kickoff ${fixture.kickoff} is before the model's ratings_as_of ${file.ratings_as_of}: it may know the result`;
        return { fault: { field: 'kickoff', reason } };
      }
      return { fixture: { ...fixture, home: home.name, away: away.name, league: id } };
    };
  }

  return {
    file,
    league,
    resolve: (fixture) => resolver()(fixture),
    resolver,
    search: ({ league: within, text }) => search({ league: within?.id, text }),
  };
}

/** A team's own name goes before the alias of another. */
function spellingsOf(teams: readonly Team[]): (readonly [string, Team])[] {
  return [
    ...teams.map((team) => [team.name, team] as const),
    ...teams.flatMap((team) => team.aliases.map((alias) => [alias, team] as const)),
  ];
}

type BySpelling<T> = (spelling: string) => T | undefined;

/** Finds what has a spelling, without case, accents and punctuation; of two that share one, the first. */
function bySpelling<T>(spellings: readonly (readonly [string, T])[]): BySpelling<T> {
  const found = new Map<string, T>();
  let longest = 0;
  for (const [spelling, one] of spellings) {
    const folded = fold(spelling);
    if (!found.has(folded)) found.set(folded, one);
    longest = Math.max(longest, spelling.length);
  }
  // Accents that stand behind their letters make a name twice as long. What is longer is none of these, and would cost most to fold.
  return (spelling) => (spelling.length > 2 * longest ? undefined : found.get(fold(spelling)));
}
