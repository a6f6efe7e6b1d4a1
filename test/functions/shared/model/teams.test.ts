import { expect, test } from 'vitest';
import { createTeams, maxExplained } from '../../../../functions/shared/model/teams.ts';

const teams = createTeams({
  ratings_as_of: '2025-05-31',
  leagues: [
    { id: 'ENG1', name: 'Premier League', country: 'ENG', tier: 1 },
    { id: 'ENG2', name: 'Championship', country: 'ENG', tier: 2 },
    { id: 'GER1', name: 'Bundesliga', country: 'GER', tier: 1 },
  ],
  teams: [
    { name: 'Arsenal', country: 'ENG', league: 'ENG1', aliases: ['The Gunners'] },
    { name: 'Leeds United', country: 'ENG', league: 'ENG2', aliases: ['Leeds'] },
    { name: 'Bury', country: 'ENG', league: null, aliases: [] },
    { name: '1. FC Köln', country: 'GER', league: 'GER1', aliases: ['Cologne'] },
  ],
});
const resolve = (home: string, away: string, more = {}) => teams.resolve({ home, away, ...more });

test.each([
  ['Arsenal', 'Nobody', {}, 'away', /unknown team "Nobody"/],
  ['Nobody', 'Arsenal', {}, 'home', /unknown team "Nobody"/],
  ['Arsenal', 'the  gunners', {}, 'away', /home team too/],
  ['Arsenal', 'Leeds', { league: 'GER1' }, 'league', /does not fit: Arsenal is a team of ENG/],
  ['Arsenal', 'Cologne', { league: 'ENG1' }, 'league', /does not fit: 1. FC Köln is a team of GER/],
  ['Arsenal', 'Leeds', { league: 'Serie Z' }, 'league', /unknown league/],
  ['Arsenal', 'Leeds', { kickoff: '2025-05-30' }, 'kickoff', /ratings_as_of 2025-05-31/],
  ['Arsenal', 'Leeds', { kickoff: '2025-05-31T01:00:00+02:00' }, 'kickoff', /ratings_as_of/],
])('%s - %s %o is refused at %s', (home, away, more, field, reason) => {
  expect(resolve(home, away, more)).toMatchObject({
    fault: { field, reason: expect.stringMatching(reason) as unknown },
  });
});

test.each([
  ['arsenal', 'LEEDS', {}, 'Arsenal', 'Leeds United', 'ENG1'],
  ['leeds', 'arsenal', {}, 'Leeds United', 'Arsenal', 'ENG1'],
  ['Leeds', 'Bury', { league: 'ENG1' }, 'Leeds United', 'Bury', 'ENG1'],
  ['Leeds', 'Arsenal', { league: 'premier league' }, 'Leeds United', 'Arsenal', 'ENG1'],
  ['Bury', 'Leeds', {}, 'Bury', 'Leeds United', 'ENG2'],
  ['1 fc koln', 'Bury', { kickoff: '2025-05-31' }, '1. FC Köln', 'Bury', 'neutral'],
])('%s - %s %o', (home, away, more, canonicalHome, canonicalAway, league) => {
  const found = resolve(home, away, more);
  expect(found).toMatchObject({ fixture: { home: canonicalHome, away: canonicalAway, league } });
  if ('fixture' in found) expect(teams.resolve(found.fixture)).toEqual(found);
});

test.each(['Nobody', 'x', '?', 'Arsenal Football Club of Woolwich', 'leed '.repeat(20)])(
  'no name is near to %s, and none is told',
  (name) => {
    expect(resolve(name, 'Arsenal')).toEqual({ fault: { field: 'home', reason: `unknown team "${name}"` } });
  },
);

test.each([
  ['Colonge', ['1. FC Köln']],
  ['Arsnal', ['Arsenal']],
  ['LEEDZ', ['Leeds United']],
  ['Lèeds Utd.', ['Leeds United']],
  ['Burry', ['Bury']],
])('what is told of %s is near to it', (name, nearest) => {
  const reason = `unknown team "${name}"; nearest: ${nearest.join(', ')}`;
  expect(resolve('Arsenal', name)).toEqual({ fault: { field: 'away', reason, nearest } });
});

test('of a list only the first unknown names are told what is nearest, an equal one as often as it comes', () => {
  const list = teams.resolver();
  const nearest = (home: string): unknown => {
    const found = list({ home, away: 'Bury' });
    return 'fault' in found ? found.fault.nearest : undefined;
  };
  const names = Array.from({ length: maxExplained }, (_, n) => `Arsenal${n}`);
  for (const name of names) expect(nearest(name)).toEqual(['Arsenal']);
  expect(nearest('Arsnal')).toBeUndefined();
  for (const name of names) expect(nearest(name)).toEqual(['Arsenal']);
});

test('a search finds names and aliases, those that begin with it first', () => {
  expect(teams.search({ text: 'le' }).map(({ name }) => name)).toEqual(['Leeds United']);
  expect(teams.search({ text: 'GUNN' }).map(({ name }) => name)).toEqual(['Arsenal']);
  expect(teams.search({ league: teams.league('ENG2') }).map(({ name }) => name)).toEqual(['Leeds United']);
});
