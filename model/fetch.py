"""Brings results of openfootball into a CSV of the documented format."""

import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .faults import Fault
from .matches import OPTIONAL, REQUIRED, read_matches
from .openfootball import FILES, files, read_season
from .progress import progress

COLUMNS = ("date", "season", "league", "round", "kickoff", "home", "away", *REQUIRED[5:], *OPTIONAL[2:])
REPOSITORIES = sorted({name.split("/")[0] for name in FILES.values()})


def fetch(place: str, seasons: list[str], data: Path, out: Path) -> str:
    """Replaces these seasons in the results of `data` by those at `place` and writes all to `out`; says how many.

    `place` is a folder of checkouts (england, deutschland, …) or the address they are cloned from. `out` is replaced
    in one step, after the whole of it passed the checks of training.
    """
    if Path(place).is_dir():
        return _merge(Path(place), seasons, data, out)
    with tempfile.TemporaryDirectory() as folder:
        with progress("cloning", len(REPOSITORIES)) as seen:
            for name in REPOSITORIES:
                _clone(f"{place}/{name}", Path(folder) / name)
                seen(name)
        return _merge(Path(folder), seasons, data, out)


def _clone(address: str, folder: Path) -> None:
    command = ["git", "clone", "--quiet", "--depth", "1", address, str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "GIT_TERMINAL_PROMPT": "0"})
    if run.returncode:
        raise Fault(f"{address}: cannot be cloned: {run.stderr.strip()}; name a folder of checkouts with --source")


def _merge(place: Path, seasons: list[str], data: Path, out: Path) -> str:
    found = list(files(place, seasons))
    if not found:
        raise Fault(f"{place}: no file of season {', '.join(seasons)}; expected for one {FILES['ENG1']}")
    fresh, faults = [], []
    with progress("reading", len(found)) as seen:
        for path, league, season in found:
            try:
                fresh += read_season(path, league, season)
            except Fault as fault:
                faults.append(str(fault))
            seen(path)
    if faults:
        raise Fault(*faults)
    replaced = {(league, season) for _, league, season in found}
    kept = [row for row in _rows(data) if (row["league"], row["season"]) not in replaced]
    rows = sorted(kept + fresh, key=lambda row: (row["date"], row["league"], row["home"]))
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f"{out.name}.draft")
    try:
        with draft.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        read_matches(draft)
        os.replace(draft, out)
    finally:
        draft.unlink(missing_ok=True)
    return f"{len(fresh)} results of {len(found)} files, {len(rows)} in all, in {out}"


def _rows(data: Path) -> list[dict[str, str]]:
    if not data.exists():
        print(f"{data}: no results there yet", file=sys.stderr)
        return []
    with data.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))
