"""The state of the ratings as two tables, one per side, which is all that the graph needs to hold."""

from dataclasses import dataclass

import numpy as np

from .leagues import LEAGUES
from .ratings import State

# Rounding hides the last bits of exp, which differ between processors, so that a graph is the same everywhere.
DECIMALS = 6
# A season is over on this day, or when this share of its matches has been played (the data have small gaps).
SEASON_ENDS = "06-30"
FINISHED = 0.97
# After so many matches of a season every team of the league has played.
FIRST_ROUNDS = 30
INDEX = {league.id: index for index, league in enumerate(LEAGUES, start=1)}
# By index, the index of the league above; -1 where there is none.
ABOVE = np.array([-1] + [INDEX.get(f"{league.country}{league.tier - 1}", -1) for league in LEAGUES])


@dataclass(frozen=True)
class Table:
    """Log expected goals as a sum of two rows: home[team, league] + away[team, league], each a pair (home's, away's).

    League index 0 is the neutral one, 1..10 are LEAGUES. The last team row is a team nobody knows: a league's average.
    """

    teams: list[str]
    default_league: np.ndarray
    home: np.ndarray
    away: np.ndarray
    rho: float

    def log_rates(self, fixtures: list[tuple[str, str, str]]) -> np.ndarray:
        """Log expected goals [N, 2] of (home, away, league); the graph does the same."""
        rows = {team: row for row, team in enumerate(self.teams)}
        homes = [rows.get(home, len(rows)) for home, _, _ in fixtures]
        aways = [rows.get(away, len(rows)) for _, away, _ in fixtures]
        columns = [
            INDEX.get(league, 0) if league else self._usual(home, away)
            for home, away, (_, _, league) in zip(homes, aways, fixtures, strict=True)
        ]
        return self.home[homes, columns] + self.away[aways, columns]

    def _usual(self, home: int, away: int) -> int:
        """The home team's league, or the one above where the visitor is in that: the home team has been promoted."""
        ours, theirs = self.default_league[home], self.default_league[away]
        return theirs if theirs == ABOVE[ours] else ours


def table_of(state: State, rho: float, as_of: str) -> Table:
    """The tables as of a day; a league whose season is over already stands at the start of the next one."""
    teams = sorted(state.teams)
    known = [league for league in LEAGUES if league.id in state.leagues]
    over = {league.id: _over(state, league.id, as_of) for league in known}
    strength = np.zeros((len(teams) + 1, len(LEAGUES) + 1, 2))
    for row, team in enumerate(teams):
        tiers = {
            league.tier: _strength(state, team, league.id, over[league.id])
            for league in known
            if league.country == state.teams[team].league[:3]
        }
        # Abroad, and in the neutral league, a team has the rating of the same tier at home; the neutral is a first one.
        strength[row] = [tiers.get(tier, next(iter(tiers.values()))) for tier in (1, *(one.tier for one in LEAGUES))]
    bases = np.zeros((len(LEAGUES) + 1, 2))
    for league in known:
        members = [row for row, team in enumerate(teams) if plays_in(state, team) == league.id]
        strength[-1, INDEX[league.id]] = strength[members, INDEX[league.id]].mean(axis=0)
        lean = state.leagues[league.id].home / 2
        bases[INDEX[league.id]] = state.params.level + lean, state.params.level - lean
    columns = [INDEX[league.id] for league in known]
    unknown = [index for index in range(1, len(LEAGUES) + 1) if index not in columns]
    strength[-1, 0], bases[0] = strength[-1, columns].mean(axis=0), bases[columns].mean(axis=0)
    strength[-1, unknown], bases[unknown] = strength[-1, 0], bases[0]
    attack, defence = strength[..., 0], strength[..., 1]
    return Table(
        teams,
        np.array([INDEX[state.teams[team].league] for team in teams] + [0]),
        np.round(np.stack([bases[:, 0] + attack, bases[:, 1] - defence], axis=2), DECIMALS),
        np.round(np.stack([-defence, attack], axis=2), DECIMALS),
        rho,
    )


def plays_in(state: State, team: str) -> str | None:
    """The league a team is in, or None if it was in none in the last season."""
    one = state.teams[team]
    league = state.leagues[one.league]
    # The tiers of a country begin weeks apart, and a round lasts for days: who was not seen yet may still come.
    missed = int(league.season[:4]) - int(one.season[:4]) - (league.played < FIRST_ROUNDS)
    return one.league if missed <= 0 else None


def _over(state: State, league: str, as_of: str) -> bool:
    season = state.leagues[league].season
    teams = sum(team.league == league and team.season == season for team in state.teams.values())
    return as_of >= f"{int(season[:4]) + 1}-{SEASON_ENDS}" or state.leagues[league].played >= FINISHED * teams * (
        teams - 1
    )


def _strength(state: State, team: str, league: str, over: bool) -> tuple[float, float]:
    one, season = state.teams[team], state.leagues[league].season
    if over:
        start = int(season[:4]) + 1
        season = f"{start}-{(start + 1) % 100:02d}"
    if one.league != league or one.season != season:
        one = state.begin(team, league, season)
    return one.attack, one.defence
