"""Compares a version with the one that answers now, before the alias moves to it."""

import json
from dataclasses import dataclass

import numpy as np
import onnxruntime

from .faults import Fault
from .matches import Match
from .metrics import Difference, paired, rps
from .params import Ratings
from .progress import progress
from .ratings import rate
from .scoreline import outcomes


@dataclass(frozen=True)
class Comparison:
    """RPS of the candidate less that of the current version on the matches of one season, paired.

    `walking` rates every match before it is played with each version's parameters; `as_stored` runs both graphs as
    they are, which also finds a graph whose ratings are broken or older, since both have seen the season.
    """

    season: str
    n: int
    walking: Difference
    as_stored: Difference

    @property
    def worse(self) -> bool:
        """Whether the candidate is worse by more than the noise in either way."""
        return self.walking.low > 0 or self.as_stored.low > 0

    def __str__(self) -> str:
        lines = [f"season {self.season}, n={self.n}: RPS of the candidate less the current version's, paired, 95 %"]
        for what, gap in (("walking forward", self.walking), ("graphs as stored", self.as_stored)):
            lines.append(f"  {what}: {gap.mean:+.5f} [{gap.low:+.5f}, {gap.high:+.5f}]")
        return "\n".join(lines)


def compare(candidate: dict[str, bytes], current: dict[str, bytes], matches: list[Match]) -> Comparison:
    """Both versions on the last season in the results; raises Fault for an artifact that is no such model."""
    season = max(match.season for match in matches)
    rows = np.array([match.season == season for match in matches])
    outcome = np.array([match.outcome for match in matches])[rows]
    last = [match for match in matches if match.season == season]
    walking = [rps(_walk(files, matches)[rows], outcome) for files in (candidate, current)]
    stored = [rps(_run(files, last), outcome) for files in (candidate, current)]
    return Comparison(season, len(last), paired(*walking), paired(*stored))


def _walk(files: dict[str, bytes], matches: list[Match]) -> np.ndarray:
    try:
        parameters = json.loads(files["card.json"])["parameters"]
        ratings, rho = Ratings(**parameters["ratings"]), float(parameters["scoreline"]["rho"])
    except (KeyError, TypeError, ValueError) as error:
        raise Fault(f"card.json does not tell the parameters of this kind of model: {error!r}") from None
    with progress("walking forward", len(matches)) as seen:
        return outcomes(np.array(rate(matches, ratings, seen)[1]), rho)


def _run(files: dict[str, bytes], matches: list[Match]) -> np.ndarray:
    try:
        session = onnxruntime.InferenceSession(files["model.onnx"])
        inputs = {name: np.array([getattr(match, name) for match in matches], dtype=object) for name in _INPUTS}
        probs = session.run(["probs"], inputs)[0].astype(float)
    except Exception as error:  # noqa: BLE001 - onnxruntime raises types of its own for every kind of broken graph
        raise Fault(f"model.onnx does not run: {error}") from None
    if not np.isfinite(probs).all():
        raise Fault("model.onnx gives probabilities that are not finite")
    return probs


_INPUTS = ("home", "away", "league")
