import * as v from 'valibot';
import type { Current, Loaded } from '../../shared/model/follow.ts';
import { type Artifact, jsonOf } from '../../shared/model/registry.ts';
import { createTeams, type League, type Team, type Teams, TeamsFile } from '../../shared/model/teams.ts';

/** What can be asked, and how good the answers are: teams and card of the version that the alias names. */
export type Catalog = { teams: Teams; card: unknown };

/** The files of an artifact that `loadCatalog` reads: not the graph. */
export const catalogFiles = ['teams.json', 'card.json'] as const;

/** Reads the catalogue of an artifact. Throws when a file is not what it should be. */
export function loadCatalog(artifact: Artifact): Loaded<Catalog> {
  const teams = createTeams(v.parse(TeamsFile, jsonOf(artifact, 'teams.json')));
  return { value: { teams, card: jsonOf(artifact, 'card.json') }, release: () => Promise.resolve() };
}

/** The catalogue of the present version, with the version. */
export type Present = { current(): Current & { value: Catalog } };

/** The leagues with the number of teams that play in each now. */
export function leagues({ file }: Teams): (League & { teams: number })[] {
  return file.leagues.map((league) => ({
    ...league,
    teams: file.teams.filter((team) => team.league === league.id).length,
  }));
}

const texts = new WeakMap<object, string>();

/** Teams as JSON. A team is written once, and so is a list that comes again. */
export function teamsText(teams: readonly Team[]): string {
  return textOf(teams, () => `[${teams.map((team) => textOf(team, () => JSON.stringify(team))).join(',')}]`);
}

function textOf(value: object, write: () => string): string {
  const text = texts.get(value) ?? write();
  texts.set(value, text);
  return text;
}
