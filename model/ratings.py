"""Attack and defence ratings, moved by every match: a score-driven Poisson model with a long-run memory of each club.

A side's expected goals are exp(level + home/2 + attack - defence of the other). After the match, the goals above that
expectation move attack and defence by `rate`. Between seasons, ratings are drawn to the club's long-run rating, and
promotion or relegation changes the scale. Nothing is centred: how much better the first tier has become shows in how
its promoted teams fare, and stays in the ratings of those that met them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from .matches import Match
from .params import Ratings

# Far outside anything real; keeps a search over parameters from overflowing.
LOWEST, HIGHEST = -3.0, 2.5


@dataclass
class Team:
    attack: float
    defence: float
    long_attack: float
    long_defence: float
    league: str
    season: str


@dataclass
class League:
    home: float
    season: str = ""
    played: int = 0


@dataclass
class State:
    """What is known after a match; a model is trained by running this over the past."""

    params: Ratings
    teams: dict[str, Team] = field(default_factory=dict)
    leagues: dict[str, League] = field(default_factory=dict)

    def log_rates(self, home: str, away: str, league: str) -> tuple[float, float]:
        """Logs of the expected goals of both sides, for teams that are in this league."""
        one, two, level, lean = self.teams[home], self.teams[away], self.params.level, self.leagues[league].home / 2
        return (
            min(max(level + lean + one.attack - two.defence, LOWEST), HIGHEST),
            min(max(level - lean + two.attack - one.defence, LOWEST), HIGHEST),
        )

    def begin(self, team: str, league: str, season: str) -> Team:
        """The team as it enters a season of a league (also: as it would)."""
        p, tier = self.params, int(league[-1])
        gap = p.tier_gap if tier == 2 else 0.0
        old = self.teams.get(team)
        if old is None or int(season[:4]) - int(old.season[:4]) > 1:
            attack = defence = self._newcomer(league)
        elif (before := int(old.league[-1])) == tier:
            attack, defence = old.attack * p.keep, old.defence * p.keep
        else:
            step = p.promoted if before == 2 else p.relegated
            attack, defence = old.attack * p.move + step, old.defence * p.move + step
        long_attack = old.long_attack if old else attack - gap
        long_defence = old.long_defence if old else defence - gap
        if old and int(old.league[-1]) == tier:
            attack += p.long_run * (long_attack + gap - attack)
            defence += p.long_run * (long_defence + gap - defence)
        return Team(attack, defence, long_attack, long_defence, league, season)

    def _newcomer(self, league: str) -> float:
        if not self.leagues[league].season:
            return 0.0
        if league.endswith("2"):
            return self.params.newcomer
        return self.params.newcomer * self.params.move + self.params.promoted

    def begin_season(self, league: str, season: str, teams: list[str]) -> None:
        """Moves a league's teams into a new season."""
        self.leagues.setdefault(league, League(self.params.first_home))
        for team in teams:
            self.teams[team] = self.begin(team, league, season)
        self.leagues[league].season = season
        self.leagues[league].played = 0

    def learn(self, match: Match, log_home: float, log_away: float) -> None:
        """Moves the ratings by one result."""
        p, league = self.params, self.leagues[match.league]
        one, two = self.teams[match.home], self.teams[match.away]
        home, away = match.home_goals - math.exp(log_home), match.away_goals - math.exp(log_away)
        one.attack += p.rate * home
        two.defence -= p.rate * home
        two.attack += p.rate * away
        one.defence -= p.rate * away
        league.played += 1
        league.home += p.home_rate * (home - away)
        gap = p.tier_gap if match.tier == 2 else 0.0
        for team in (one, two):
            team.long_attack += p.long_run_rate * (team.attack - gap - team.long_attack)
            team.long_defence += p.long_run_rate * (team.defence - gap - team.long_defence)


def rate(
    matches: list[Match], params: Ratings, seen: Callable[[int], object] = lambda index: None
) -> tuple[State, list[tuple[float, float]]]:
    """The state after all matches, and for each match the log expected goals before it was played (rolling origin)."""
    fixtures: dict[tuple[str, str], dict[str, None]] = {}
    for match in matches:
        fixtures.setdefault((match.league, match.season), {}).update({match.home: None, match.away: None})
    state, rates = State(params), []
    for index, match in enumerate(matches):
        if match.league not in state.leagues or state.leagues[match.league].season != match.season:
            state.begin_season(match.league, match.season, sorted(fixtures[match.league, match.season]))
        before = state.log_rates(match.home, match.away, match.league)
        rates.append(before)
        state.learn(match, *before)
        seen(index)
    return state, rates
