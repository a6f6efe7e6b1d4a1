import { expect, test } from 'vitest';
import { createTeams } from '../../../../functions/shared/model/teams.ts';

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

test('the nearest names are those of the spelling that is nearest', () => {
  const found = resolve('Colonge', 'Arsenal');
  if (!('fault' in found)) throw new Error('found');
  expect(found.fault.nearest?.[0]).toBe('1. FC Köln');
  expect(found.fault.nearest).toHaveLength(3);
});

test('a search finds names and aliases, those that begin with it first', () => {
  expect(teams.search({ text: 'le' }).map(({ name }) => name)).toEqual(['Leeds United']);
  expect(teams.search({ text: 'GUNN' }).map(({ name }) => name)).toEqual(['Arsenal']);
  expect(teams.search({ league: teams.league('ENG2') }).map(({ name }) => name)).toEqual(['Leeds United']);
});
