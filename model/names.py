"""Team names: who is known, which spellings mean which team, and what a name that nobody knows may have meant."""

import csv
import difflib
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .faults import Fault

TEAMS = Path(__file__).with_name("teams.csv")
ALIASES = Path(__file__).with_name("aliases.csv")
# Above this share of equal letters a new name is taken for a slip, below it for a new team.
ALIKE = 0.88
LONG_WORD = 4
_WORD = re.compile(r"\w+")


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

    def alike(self, name: str, country: str) -> str | None:
        """The known team that an unknown name may mean, or None if it looks like a new team of the country."""
        if (name, country) not in self._asked:
            self._asked[name, country] = self._meant(_plain(name), country)
        return self._asked[name, country]

    def _meant(self, name: str, country: str) -> str | None:
        if found := difflib.get_close_matches(name, self._plain, n=1, cutoff=ALIKE):
            return self._plain[found[0]]
        # "ES Troyes AC": a word that only one team of the country has.
        for word in _WORD.findall(name):
            teams = self._by_word.get((country, word), set())
            if len(word) >= LONG_WORD and len(teams) == 1:
                return next(iter(teams))
        return None

    @cached_property
    def _asked(self) -> dict[tuple[str, str], str | None]:
        return {}

    @cached_property
    def _by_word(self) -> dict[tuple[str, str], set[str]]:
        found: dict[tuple[str, str], set[str]] = {}
        for name, team in self._plain.items():
            for word in _WORD.findall(name):
                found.setdefault((self.countries[team], word), set()).add(team)
        return found

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
