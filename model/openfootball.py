"""Reads the text format of openfootball (football.db): one file per league and season.

    = Italian Serie B 2024/25
    # Date       Fri Aug/16 2024 - Tue May/13 2025 (270d)
    » Matchday 1
      Fri Aug/16 2024
        20.30  Brescia Calcio          v Palermo FC               1-0 (0-0)
               Pisa SC                 v Spezia Calcio            0-3    [awarded]

Older files put the day in brackets and the score between the teams.
"""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from .faults import Fault

# The file of each league, by repository; {season} is written 2024-25.
FILES = {
    "ENG1": "england/{season}/1-premierleague.txt",
    "ENG2": "england/{season}/2-championship.txt",
    "ESP1": "espana/{season}/1-liga.txt",
    "ESP2": "espana/{season}/2-liga2.txt",
    "FRA1": "europe/france/{season}_fr1.txt",
    "FRA2": "europe/france/{season}_fr2.txt",
    "GER1": "deutschland/{season}/1-bundesliga.txt",
    "GER2": "deutschland/{season}/2-bundesliga2.txt",
    "ITA1": "italy/{season}/1-seriea.txt",
    "ITA2": "italy/{season}/2-serieb.txt",
}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_DATE = re.compile(
    r"\[?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*\.?\s+"
    r"(?P<month>[A-Z][a-z]{2})[a-z]*[/ ](?P<day>\d{1,2})(?:,?\s+(?P<year>\d{4}))?\]?"
)
_ROUND = re.compile(r"[»▪#*\s]*(?:Matchday|Round|Jornada|Spieltag|Giornata|Journée)\s+(\d+).*", re.IGNORECASE)
_TIME = re.compile(r"(?P<time>\d{1,2}[.:]\d{2})\s+")
_SCORE = (
    r"(?P<home_goals>\d{1,2})-(?P<away_goals>\d{1,2})(?:\s*\((?P<ht_home_goals>\d{1,2})-(?P<ht_away_goals>\d{1,2})\))?"
)
_NOTE = r"(?:\s+\[(?P<note>[a-z ]+)\])?"
_AFTER = re.compile(rf"(?P<home>\S.*?)\s+v\s+(?P<away>\S.*?)(?:\s{{2,}}{_SCORE})?{_NOTE}")
_BETWEEN = re.compile(rf"(?P<home>\S.*?)\s{{2,}}(?:{_SCORE}|-)\s{{2,}}(?P<away>\S.*?){_NOTE}")
# With one of these a score, if there is one, is not that of a whole match.
NOT_PLAYED = ("postponed", "cancelled", "canceled", "abandoned", "suspended", "annulled")


def read_season(path: Path, league: str, season: str) -> list[dict[str, str]]:
    """The played matches of a file as rows of the documented CSV; raises Fault with the lines it cannot read."""
    rows, faults = [], []
    today, kickoff, round_, year = "", "", "", None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.split("##")[0].strip()
        if not text or text.startswith(("=", "#")):
            continue
        if found := _ROUND.fullmatch(text):
            round_, kickoff = found[1], ""
        elif found := _DATE.fullmatch(text):
            # The year stands there when it changes; in older files never.
            year = int(found["year"]) if found["year"] else year
            today, kickoff = _day(found, year, season), ""
            if not today:
                faults.append(f"{path}: line {number}: no such day: {text}")
        elif not today:
            faults.append(f"{path}: line {number}: before the first date: {text}")
        else:
            if found := _TIME.match(text):
                kickoff, text = found["time"].replace(".", ":").zfill(5), text[found.end() :]
            match = _AFTER.fullmatch(text) or _BETWEEN.fullmatch(text)
            if not match:
                faults.append(f"{path}: line {number}: neither a date nor a match: {text}")
            elif match["home_goals"] and match["note"] not in NOT_PLAYED:
                rows.append(_row(match, today, kickoff, round_, league, season))
    if faults:
        raise Fault(*faults)
    return rows


def _row(match: re.Match, today: str, kickoff: str, round_: str, league: str, season: str) -> dict[str, str]:
    goals = ("home_goals", "away_goals", "ht_home_goals", "ht_away_goals")
    return {
        **{"date": today, "season": season, "league": league, "round": round_, "kickoff": kickoff},
        **{"home": match["home"], "away": match["away"]},
        **{name: match[name] or "" for name in goals},
        "awarded": "1" if match["note"] == "awarded" else "0",
    }


def _day(found: re.Match, year: int | None, season: str) -> str:
    if found["month"] not in MONTHS:
        return ""
    month, first = MONTHS.index(found["month"]) + 1, int(season[:4])
    try:
        return date(year or (first if month >= 7 else first + 1), month, int(found["day"])).isoformat()
    except ValueError:
        return ""


def files(place: Path, seasons: list[str]) -> Iterator[tuple[Path, str, str]]:
    """The files under a folder of checkouts, with league and season; leagues that have none yet are left out."""
    for season in seasons:
        for league, name in FILES.items():
            if (path := place / name.format(season=season)).exists():
                yield path, league, season
