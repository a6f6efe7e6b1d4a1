"""Team names: who is known, which spellings mean which team, and what a name that nobody knows may have meant."""

import csv
import difflib
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .faults import Fault

TEAMS = Path(__file__).with_name("teams.csv")
ALIASES = Path(__file__).with_name("aliases.csv")
# Above this share of equal letters a new name is taken for a slip, below it for a new team.
ALIKE = 0.88


@dataclass(frozen=True)
class Names:
    """`countries`: canonical name -> country. `aliases`: other spelling -> canonical name."""

    countries: dict[str, str]
    aliases: dict[str, str]

    def canonical(self, name: str) -> str:
        """The canonical name of a spelling; a name that nobody knows stays as it is."""
        return self.aliases.get(name, name)

    def of(self, team: str) -> list[str]:
        """The other spellings of a team, sorted."""
        return sorted(alias for alias, meant in self.aliases.items() if meant == team)

    def alike(self, name: str) -> str | None:
        """The known team that an unknown name is a slip of, or None if it looks like a new team."""
        if name not in self._asked:
            found = difflib.get_close_matches(_plain(name), self._plain, n=1, cutoff=ALIKE)
            self._asked[name] = self._plain[found[0]] if found else None
        return self._asked[name]

    @cached_property
    def _asked(self) -> dict[str, str | None]:
        return {}

    @cached_property
    def _plain(self) -> dict[str, str]:
        return {_plain(name): team for name, team in self.aliases.items()} | {
            _plain(team): team for team in self.countries
        }


def read_names(teams: Path = TEAMS, aliases: Path = ALIASES) -> Names:
    """The names of the two files; raises Fault for a spelling that could mean two teams."""
    countries = {row["team"]: row["country"] for row in _rows(teams)}
    meaning: dict[str, str] = {}
    faults = []
    for line, row in enumerate(_rows(aliases), start=2):
        team, alias = row["team"], row["alias"]
        if team not in countries:
            faults.append(f"{aliases}: line {line}: {team!r} is not in {teams.name}")
        if alias in countries or alias in meaning:
            faults.append(f"{aliases}: line {line}: {alias!r} already means {meaning.get(alias, alias)!r}")
        meaning[alias] = team
    if faults:
        raise Fault(*faults)
    return Names(countries, meaning)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
