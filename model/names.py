"""Team names: which spellings mean which team."""

import csv
from pathlib import Path

from .faults import Fault

ALIASES = Path(__file__).with_name("aliases.csv")


def read_aliases(teams: list[str], path: Path = ALIASES) -> dict[str, list[str]]:
    """Aliases of each of these teams, sorted; raises Fault for a spelling that could mean two of them."""
    aliases: dict[str, list[str]] = {team: [] for team in teams}
    meaning = {team: team for team in teams}
    faults = []
    with path.open(newline="", encoding="utf-8") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            team, alias = row["team"], row["alias"]
            if team not in aliases:
                continue
            if alias in meaning:
                faults.append(f"{path}: line {line}: {alias!r} already means {meaning[alias]!r}")
            meaning[alias] = team
            aliases[team].append(alias)
    if faults:
        raise Fault(*faults)
    return {team: sorted(found) for team, found in aliases.items()}


def spellings(aliases: dict[str, list[str]]) -> dict[str, str]:
    """Every canonical name and alias -> canonical name."""
    return {team: team for team in aliases} | {alias: team for team, found in aliases.items() for alias in found}
