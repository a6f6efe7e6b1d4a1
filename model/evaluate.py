"""Walks forward through the seasons and scores what would have been predicted before each match."""

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from .baselines import base_rates, elo_gaps, ordered_logit
from .diagram import diagram
from .export import table_of
from .faults import Fault
from .leagues import LEAGUES
from .matches import Match
from .metrics import Difference, Scores, paired, reliability, rps, scores
from .params import Params
from .progress import progress
from .ratings import rate
from .scoreline import outcomes

# Ratings need some seasons to settle before a baseline is fitted on them.
SETTLED = 2


@dataclass(frozen=True)
class Evaluation:
    """Probabilities of every match before it was played, by model, and what happened."""

    matches: list[Match]
    outcome: np.ndarray
    season: np.ndarray
    top: np.ndarray
    probs: dict[str, np.ndarray]
    frozen: np.ndarray


def lacking(matches: list[Match], params: Params) -> str | None:
    """What the results lack for the evaluated seasons, or None."""
    there, wanted = sorted({match.season for match in matches}), {params.evaluate.season, *params.evaluate.seasons}
    if missing := sorted(wanted - set(there)):
        return f"no match of season {', '.join(missing)}"
    if there.index(min(wanted)) <= SETTLED:
        return f"fewer than {SETTLED + 1} seasons before {min(wanted)}"
    return None


def evaluate(matches: list[Match], params: Params) -> Evaluation:
    """Rolling origin over all matches, and ratings frozen at the start of each evaluated season."""
    outcome = np.array([match.outcome for match in matches])
    season = np.array([match.season for match in matches])
    top = np.array([match.tier == 1 for match in matches])
    if lacks := lacking(matches, params):
        raise Fault(f"{lacks}: add results, or change `evaluate` in the parameters")
    with progress("rating", len(matches)) as seen:
        _, rates = rate(matches, params.ratings, seen)
    gaps = elo_gaps(matches)
    base, elo = np.full((len(matches), 3), 1 / 3), np.full((len(matches), 3), 1 / 3)
    frozen = np.full((len(matches), 3), np.nan)
    settled = sorted(set(season))[SETTLED]
    with progress("seasons, frozen", len(params.evaluate.seasons)) as seen:
        for name in params.evaluate.seasons:
            now, before = season == name, top & (season < name) & (season >= settled)
            base[now] = base_rates(outcome, before, int(now.sum()))
            elo[now] = ordered_logit(gaps, outcome, before)[now]
            past = [match for match in matches if match.season < name]
            state, _ = rate(past, params.ratings)
            fixtures = [(match.home, match.away, match.league) for match in matches if match.season == name]
            frozen_table = table_of(state, params.scoreline.rho, past[-1].date)
            frozen[now] = outcomes(frozen_table.log_rates(fixtures), params.scoreline.rho)
            seen(name)
    ours = outcomes(np.array(rates), params.scoreline.rho)
    return Evaluation(
        matches, outcome, season, top, {"base rates": base, "Elo + ordered logit": elo, "ours": ours}, frozen
    )


@dataclass(frozen=True)
class Report:
    """The figures of an evaluation. RPS is divided by 2; `seasons` are all evaluated seasons together."""

    season: str
    seasons: str
    one: dict[str, Scores]
    all: dict[str, Scores]
    frozen_one: Scores
    frozen_all: Scores
    versus_elo: Difference


def report(evaluation: Evaluation, params: Params) -> Report:
    """Scores on the top tiers of the five countries."""
    names = params.evaluate.seasons
    one = evaluation.top & (evaluation.season == params.evaluate.season)
    every = evaluation.top & np.isin(evaluation.season, names)

    def score(probs: np.ndarray, rows: np.ndarray) -> Scores:
        return scores(probs[rows], evaluation.outcome[rows])

    miss = {name: rps(probs[every], evaluation.outcome[every]) for name, probs in evaluation.probs.items()}
    return Report(
        params.evaluate.season,
        f"{names[0][:4]}-{names[-1][-2:]}",
        {name: score(probs, one) for name, probs in evaluation.probs.items()},
        {name: score(probs, every) for name, probs in evaluation.probs.items()},
        score(evaluation.frozen, one),
        score(evaluation.frozen, every),
        paired(miss["ours"], miss["Elo + ordered logit"]),
    )


def figures(result: Report) -> dict:
    """The figures that go into a card and into MLflow: those of the model, of it frozen, and of the baselines."""
    one, every = f"season_{result.season.replace('-', '_')}", f"seasons_{result.seasons.replace('-', '_')}"
    elo, base = "Elo + ordered logit", "base rates"
    return rounded(
        {
            one: asdict(result.one["ours"]),
            every: {"n": result.all["ours"].n, "rps": result.all["ours"].rps},
            "frozen": {one: asdict(result.frozen_one), every: asdict(result.frozen_all)},
            "baselines": {
                name: {one: asdict(result.one[name]), every: asdict(result.all[name])} for name in (base, elo)
            },
        }
    )


def table(result: Report) -> str:
    """The table of figures as Markdown."""
    one, every = next(iter(result.one.values())).n, next(iter(result.all.values())).n
    rows = [(name, result.one[name], result.all[name]) for name in result.one]
    rows.append(("ours, ratings frozen at the season's start", result.frozen_one, result.frozen_all))
    lines = [
        f"| model | {result.season}, n={one}: log-loss / RPS / accuracy / ECE | {result.seasons} RPS (n={every}) |",
        "|---|---|---|",
    ]
    for name, a, b in rows:
        cells = f"{a.log_loss:.4f} / {_short(a.rps, 4)} / {_short(a.accuracy, 3)} / {_short(a.ece, 3)}"
        lines.append(f"| {name} | {cells} | {_short(b.rps, 4)} |")
    lines.append("")
    lines.append(f"RPS of ours less Elo's, {result.seasons}, paired: {result.versus_elo} (95 %)")
    return "\n".join(lines)


def _short(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".lstrip("0")


def write(evaluation: Evaluation, result: Report, out: Path) -> None:
    """Writes metrics.json, reliability.csv and .svg, leagues.csv and table.md into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "metrics.json").write_text(json.dumps(rounded(asdict(result)), indent=2) + "\n", encoding="utf-8")
    (out / "table.md").write_text(table(result) + "\n", encoding="utf-8")
    every = ~np.isnan(evaluation.frozen[:, 0])
    ours, outcome = evaluation.probs["ours"], evaluation.outcome
    bins = reliability(ours[every & evaluation.top], outcome[every & evaluation.top])
    _write_csv(out / "reliability.csv", [rounded(asdict(one)) for one in bins])
    (out / "reliability.svg").write_text(diagram(bins, f"{result.seasons}, top tiers"), encoding="utf-8")
    leagues = np.array([match.league for match in evaluation.matches])
    rows = []
    for league in LEAGUES:
        for season in sorted(set(evaluation.season[every])):
            inside = (leagues == league.id) & (evaluation.season == season)
            if inside.any():
                rows.append(
                    {"league": league.id, "season": season, **rounded(asdict(scores(ours[inside], outcome[inside])))}
                )
    _write_csv(out / "leagues.csv", rows)


def _write_csv(path: Path, rows: list[dict]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def rounded(value):
    """The same structure with numbers to five places: the last bits differ between processors."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return round(value, 5) if isinstance(value, float) else value
