"""Trains on results and builds everything that a registered version consists of."""

import sys
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from . import evaluate
from .export import plays_in, table_of
from .faults import Fault
from .graph import graph
from .leagues import LEAGUES
from .matches import Match, data_digest, read_matches
from .names import Names, read_names
from .params import Params
from .progress import progress
from .ratings import State, rate

LICENCE = "CC0 1.0 (openfootball)"


@dataclass(frozen=True)
class Trained:
    """A model and its papers; the same for the same results, parameters and day."""

    name: str
    ratings_as_of: str
    onnx: bytes
    teams: dict
    card: dict
    evaluated: tuple[evaluate.Evaluation, evaluate.Report] | None


def day(text: str) -> str:
    """A day written YYYY-MM-DD; raises Fault for anything else."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Fault(f"--as-of {text!r} is not a day written YYYY-MM-DD") from None


def train(data: Path, params: Params, as_of: str | None = None) -> Trained:
    """A model of all results up to `as_of` (default: the last day in the data)."""
    matches = read_matches(data, day(as_of) if as_of else None)
    as_of = as_of or matches[-1].date
    with progress("rating", len(matches)) as seen:
        state, _ = rate(matches, params.ratings, seen)
    names = read_names()
    spellings = {team: team for team in state.teams} | {
        alias: team for alias, team in names.aliases.items() if team in state.teams
    }
    table = table_of(state, params.scoreline.rho, as_of)
    onnx = graph(table, spellings).SerializeToString(deterministic=True)
    evaluated = _evaluated(matches, params)
    card = _card(matches, params, as_of, evaluated[1] if evaluated else None)
    return Trained(params.register_model.name, as_of, onnx, _teams(state, names, as_of), card, evaluated)


def _teams(state: State, names: Names, as_of: str) -> dict:
    return {
        "ratings_as_of": as_of,
        "leagues": [
            {"id": league.id, "name": league.name, "country": league.country, "tier": league.tier} for league in LEAGUES
        ],
        "teams": [
            {
                "name": team,
                "country": state.teams[team].league[:3],
                "league": plays_in(state, team),
                "aliases": names.of(team),
            }
            for team in sorted(state.teams)
        ],
    }


def _card(matches: list[Match], params: Params, as_of: str, result: evaluate.Report | None) -> dict:
    return {
        "name": params.register_model.name,
        "ratings_as_of": as_of,
        "trained_on": {
            "matches": len(matches),
            "seasons": sorted({match.season for match in matches}),
            "data_sha256": data_digest(matches),
        },
        "metrics": evaluate.figures(result) if result else {},
        "parameters": {"ratings": asdict(params.ratings), "scoreline": asdict(params.scoreline)},
        "licence": LICENCE,
    }


def _evaluated(matches: list[Match], params: Params) -> tuple[evaluate.Evaluation, evaluate.Report] | None:
    if lacks := evaluate.lacking(matches, params):
        print(f"no metrics in the card: {lacks} in the results", file=sys.stderr)
        return None
    evaluation = evaluate.evaluate(matches, params)
    return evaluation, evaluate.report(evaluation, params)
