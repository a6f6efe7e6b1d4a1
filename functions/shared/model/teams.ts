import { distance } from 'fastest-levenshtein';
import * as v from 'valibot';
import type { Fixture } from '../prediction.ts';

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

/** The teams of one model version, by every spelling. */
export type Teams = {
  file: TeamsFile;
  /** The same fixture by canonical names with its league filled in, or why it cannot be predicted. */
  resolve(fixture: Fixture): { fixture: Fixture & { league: string } } | { fault: FixtureFault };
  league(spelling: string): League | undefined;
  /** Teams by league and by text in a name or alias, best match first. */
  search(query: { league?: League | undefined; text?: string | undefined }): Team[];
};

/** Indexes the teams by names and aliases, without case, accents and punctuation. */
export function createTeams(file: TeamsFile): Teams {
  const teams = new Map<string, Team>();
  for (const team of file.teams)
    for (const spelling of [team.name, ...team.aliases]) teams.set(spelling, team);
  // Made when a spelling needs them: folding all names takes a cold process 10 ms.
  let names: Map<string, Team> | undefined;
  let leagues: Map<string, League> | undefined;
  const foldedNames = (): Map<string, Team> => (names ??= foldNames(file.teams));

  const find = (name: string): Team | undefined => teams.get(name) ?? foldedNames().get(fold(name));
  const league = (spelling: string): League | undefined =>
    (leagues ??= foldLeagues(file.leagues)).get(fold(spelling));

  function unknownTeam(field: 'home' | 'away', name: string): { fault: FixtureFault } {
    const nearest = nearestNames(fold(name), foldedNames());
    return { fault: { field, reason: `unknown team "${name}"; nearest: ${nearest.join(', ')}`, nearest } };
  }

  /** The league that both teams play in; where they differ, the upper one: the other team has just been promoted. */
  function usualLeague(home: Team, away: Team): string {
    if (home.country !== away.country) return neutralLeague;
    const tier = (id: string | null): number => file.leagues.find((each) => each.id === id)?.tier ?? Infinity;
    return (tier(away.league) < tier(home.league) ? away.league : home.league) ?? neutralLeague;
  }

  return {
    file,
    league,
    resolve(fixture) {
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
    },
    search({ league: within, text = '' }) {
      const wanted = fold(text);
      const ranked: { team: Team; rank: number }[] = [];
      for (const team of file.teams) {
        if (within && team.league !== within.id) continue;
        const rank = Math.min(...[team.name, ...team.aliases].map((name) => rankOf(fold(name), wanted)));
        if (rank < Infinity) ranked.push({ team, rank });
      }
      return ranked
        .sort((a, b) => a.rank - b.rank || a.team.name.localeCompare(b.team.name))
        .map(({ team }) => team);
    },
  };
}

function rankOf(name: string, wanted: string): number {
  const at = name.indexOf(wanted);
  return at < 0 ? Infinity : at === 0 ? 0 : name[at - 1] === ' ' ? 1 : 2;
}

/** A team's own name goes before the alias of another. */
function foldNames(teams: readonly Team[]): Map<string, Team> {
  const names = new Map(teams.map((team) => [fold(team.name), team]));
  for (const team of teams)
    for (const key of team.aliases.map(fold)) if (!names.has(key)) names.set(key, team);
  return names;
}

function foldLeagues(leagues: readonly League[]): Map<string, League> {
  return new Map(leagues.flatMap((league) => [league.id, league.name].map((each) => [fold(each), league])));
}

/** Lower case without accents and punctuation; letters that Unicode does not decompose are spelled out. */
function fold(name: string): string {
  return name
    .toLowerCase()
    .replaceAll('ß', 'ss')
    .replaceAll('ø', 'o')
    .replaceAll('æ', 'ae')
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** Up to three canonical names whose spellings are nearest by edit distance. */
function nearestNames(wanted: string, names: ReadonlyMap<string, Team>): string[] {
  const best = new Map<string, number>();
  for (const [spelling, { name }] of names) {
    const share = distance(wanted, spelling) / Math.max(wanted.length, spelling.length, 1);
    if (share < (best.get(name) ?? Infinity)) best.set(name, share);
  }
  return [...best]
    .sort((a, b) => a[1] - b[1])
    .slice(0, 3)
    .map(([name]) => name);
}
