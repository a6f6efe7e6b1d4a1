"""Match results from a CSV of the documented format; every fault is named with its line number."""

import csv
import hashlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from .faults import Fault
from .leagues import BY_ID
from .names import Names, read_names

REQUIRED = ("date", "season", "league", "home", "away", "home_goals", "away_goals")
SIDES = ("home", "away")
OPTIONAL = ("round", "kickoff", "ht_home_goals", "ht_away_goals", "awarded")
# The record in the five countries since 1960 is 12; more is a slip of the keyboard.
MOST_GOALS = 20
FAULTS_SHOWN = 200


@dataclass(frozen=True)
class Match:
    date: str
    season: str
    league: str
    home: str
    away: str
    home_goals: int
    away_goals: int

    @property
    def tier(self) -> int:
        return int(self.league[-1])

    @property
    def outcome(self) -> int:
        """0 home win, 1 draw, 2 away win."""
        return 0 if self.home_goals > self.away_goals else 1 if self.home_goals == self.away_goals else 2


def read_matches(path: Path, as_of: str | None = None) -> list[Match]:
    """All matches played on the pitch, oldest first; raises Fault listing every bad line."""
    rows, faults, names = [], [], read_names()
    new: dict[str, int] = {}
    try:
        # Spreadsheets begin a file with a byte order mark.
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            _check_header(path, header)
            before = _Before()
            for values in reader:
                line = reader.line_num
                if not values:
                    continue
                if len(values) != len(header):
                    faults.append(f"line {line}: {len(values)} values for {len(header)} columns")
                    continue
                row = dict(zip(header, values, strict=True))
                row |= {side: names.canonical(row[side]) for side in SIDES}
                found = [*_row_faults(row, as_of), *_team_faults(row, names), *before.faults(row, line)]
                faults.extend(f"line {line}: {fault}" for fault in found)
                if not found and row.get("awarded", "0") != "1":
                    rows.append(row)
                for side in SIDES:
                    if row[side] not in names.countries:
                        new.setdefault(row[side], line)
    except FileNotFoundError:
        raise Fault(f"{path}: no such file; name the results with --data") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise Fault(f"{path}: not a UTF-8 CSV file: {error}") from None
    if faults:
        hidden = [f"… and {len(faults) - FAULTS_SHOWN} more"] if len(faults) > FAULTS_SHOWN else []
        raise Fault(*(f"{path}: {fault}" for fault in faults[:FAULTS_SHOWN]), *hidden)
    if not rows:
        raise Fault(f"{path}: no match in it")
    for team, line in new.items():
        print(f"{path}: line {line}: {team!r} is a new team: add it to model/teams.csv", file=sys.stderr)
    matches = [_match(row) for row in rows]
    return sorted(matches, key=lambda match: (match.date, match.league, match.home))


class _Before:
    """What stands on the lines before."""

    def __init__(self) -> None:
        self.matches: dict[tuple[str, ...], int] = {}
        self.leagues: dict[tuple[str, str], tuple[str, int]] = {}

    def faults(self, row: dict[str, str], line: int) -> Iterator[str]:
        """How a row contradicts them; it is one of them afterwards."""
        season, league, home, away = match = tuple(row[name] for name in ("season", "league", *SIDES))
        if (first := self.matches.setdefault(match, line)) != line:
            yield f"duplicate of line {first}: {home} v {away}, {league} {season}"
        for team in (home, away):
            other, first = self.leagues.setdefault((season, team), (league, line))
            if league != other:
                yield f"{team!r} plays in {other} on line {first} of the same season"


def data_digest(matches: list[Match]) -> str:
    """SHA-256 (hex) of the matches a model was trained on, independent of column order and file layout."""
    digest = hashlib.sha256()
    for match in matches:
        digest.update(
            f"{match.date},{match.season},{match.league},{match.home},{match.away},"
            f"{match.home_goals},{match.away_goals}\n".encode()
        )
    return digest.hexdigest()


def _match(row: dict[str, str]) -> Match:
    return Match(
        row["date"],
        row["season"],
        row["league"],
        row["home"],
        row["away"],
        int(row["home_goals"]),
        int(row["away_goals"]),
    )


def _check_header(path: Path, header: list[str]) -> None:
    unknown = [name for name in header if name not in REQUIRED + OPTIONAL]
    missing = [name for name in REQUIRED if name not in header]
    twice = sorted({name for name in header if header.count(name) > 1})
    lines = [f"{path}: line 1: unknown column {name!r}" for name in unknown]
    lines += [f"{path}: line 1: missing column {name!r}" for name in missing]
    lines += [f"{path}: line 1: column {name!r} stands there twice" for name in twice]
    if lines:
        raise Fault(*lines, f"the columns are {', '.join(REQUIRED)} and, if known, {', '.join(OPTIONAL)}")


def _row_faults(row: dict[str, str], as_of: str | None) -> Iterator[str]:
    day = _date(row["date"])
    if day is None:
        yield f"date {row['date']!r} is not a day written YYYY-MM-DD"
    elif as_of and row["date"] > as_of:
        yield f"date {row['date']} is after --as-of {as_of}"
    season = re.fullmatch(r"(\d{4})-(\d{2})", row["season"])
    if not season or (int(season[1]) + 1) % 100 != int(season[2]):
        yield f"season {row['season']!r} is not written like 2024-25"
    elif day and not date(int(season[1]), 6, 1) <= day <= date(int(season[1]) + 1, 8, 31):
        yield f"date {row['date']} is not in season {row['season']}"
    if row["league"] not in BY_ID:
        yield f"league {row['league']!r} is none of {', '.join(BY_ID)}"
    for side in SIDES:
        if not row[side].strip():
            yield f"no {side} team"
    if row["home"] == row["away"]:
        yield f"{row['home']!r} plays itself"
    yield from _score_faults(row)
    if row.get("awarded", "0") not in ("0", "1", ""):
        yield f"awarded {row['awarded']!r} is not 0 or 1"


def _team_faults(row: dict[str, str], names: Names) -> Iterator[str]:
    for side in SIDES:
        team = row[side]
        if team in names.countries:
            if names.countries[team] != row["league"][:3] and row["league"] in BY_ID:
                yield f"{team!r} is a team of {names.countries[team]}, not of {row['league']}"
        elif team.strip() and (meant := names.alike(team, row["league"][:3])):
            yield f"unseen team {team!r}: write {meant!r}, or add it to model/teams.csv if it is another"


def _score_faults(row: dict[str, str]) -> Iterator[str]:
    for side in SIDES:
        goals, half = row[f"{side}_goals"], row.get(f"ht_{side}_goals", "")
        if not _goals(goals):
            yield f"impossible score: {side}_goals {goals!r}"
        elif half and (not _goals(half) or int(half) > int(goals)):
            yield f"impossible score: {half!r} {side} goals at half time, {goals} in the end"


def _goals(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,2}", text) is not None and int(text) <= MOST_GOALS


def _date(text: str) -> date | None:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
