"""The ten leagues the model knows, in the order of their index in the graph (index 0 is the neutral one)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class League:
    id: str
    name: str

    @property
    def country(self) -> str:
        return self.id[:3]

    @property
    def tier(self) -> int:
        return int(self.id[-1])


LEAGUES = (
    League("ENG1", "Premier League"),
    League("ENG2", "Championship"),
    League("ESP1", "La Liga"),
    League("ESP2", "Segunda División"),
    League("FRA1", "Ligue 1"),
    League("FRA2", "Ligue 2"),
    League("GER1", "Bundesliga"),
    League("GER2", "2. Bundesliga"),
    League("ITA1", "Serie A"),
    League("ITA2", "Serie B"),
)
BY_ID = {league.id: league for league in LEAGUES}
