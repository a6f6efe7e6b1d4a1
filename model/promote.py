"""Compares a version with the one that answers now, before the alias moves to it."""

import json
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import onnxruntime

from .export import table_of
from .faults import Fault
from .matches import Match
from .metrics import Difference, paired, rps
from .params import Ratings
from .progress import progress
from .ratings import rate
from .scoreline import outcomes

DAYS = 365
# A graph counts in float32: a difference below this is rounding, however sure it is.
ROUNDING = 1e-6
_INPUTS = ("home", "away", "league")


@dataclass(frozen=True)
class Comparison:
    """Differences of RPS on the matches of the last 365 days, paired.

    `walking` is the candidate less the current version, each rating every match before it is played by its own
    parameters. `stored` is the candidate's graph less what its parameters make of the same results, which finds one
    that is broken or was made of other results. The two graphs are not compared: both know these matches, and one
    made when the season was over already stands in the next.
    """

    since: str
    until: str
    n: int
    walking: Difference
    stored: Difference
    candidate_as_of: str
    current_as_of: str

    @property
    def reasons(self) -> list[str]:
        """Why the candidate must not take over; empty if it may."""
        reasons = []
        if self.walking.low > ROUNDING:
            reasons.append("it predicts worse than the current version by more than the noise")
        if self.stored.low > ROUNDING:
            reasons.append("its graph is worse than what its parameters make of these results")
        if self.candidate_as_of < self.current_as_of:
            reasons.append(f"its ratings are of {self.candidate_as_of}, the current ones of {self.current_as_of}")
        return reasons

    def __str__(self) -> str:
        gaps = {"candidate less current, walking forward": self.walking, "its graph less its parameters": self.stored}
        lines = [f"{self.since} to {self.until}, n={self.n}, RPS, paired, 95 %:"]
        lines += [f"  {what}: {gap}" for what, gap in gaps.items()]
        return "\n".join(lines)


def compare(candidate: dict[str, bytes], current: dict[str, bytes], matches: list[Match]) -> Comparison:
    """The candidate against the current version; raises Fault for an artifact that is no such model."""
    until = matches[-1].date
    since = (date.fromisoformat(until) - timedelta(days=DAYS - 1)).isoformat()
    rows = np.array([match.date >= since for match in matches])
    outcome = np.array([match.outcome for match in matches])[rows]
    last = [match for match in matches if match.date >= since]
    one, other = _Card(candidate), _Card(current)
    walking = [rps(card.walk(matches)[rows], outcome) for card in (one, other)]
    stored = [rps(probs, outcome) for probs in (_run(candidate, last), one.as_stored(matches, last))]
    return Comparison(since, until, len(last), paired(*walking), paired(*stored), one.as_of, other.as_of)


class _Card:
    """What a version's card.json says of it."""

    def __init__(self, files: dict[str, bytes]):
        try:
            card = json.loads(files["card.json"])
            self.as_of = date.fromisoformat(card["ratings_as_of"]).isoformat()
            self.ratings = Ratings(**card["parameters"]["ratings"])
            self.rho = float(card["parameters"]["scoreline"]["rho"])
        except (KeyError, TypeError, ValueError) as error:
            raise Fault(f"card.json does not tell the parameters of this kind of model: {error!r}") from None

    def walk(self, matches: list[Match]) -> np.ndarray:
        """Probabilities [N, 3] of every match before it was played."""
        with progress("walking forward", len(matches)) as seen:
            return outcomes(np.array(rate(matches, self.ratings, seen)[1]), self.rho)

    def as_stored(self, matches: list[Match], fixtures: list[Match]) -> np.ndarray:
        """Probabilities [N, 3] that a graph of the version's day would give to these fixtures."""
        past = [match for match in matches if match.date <= self.as_of]
        if not past:
            raise Fault(f"no match up to {self.as_of}, the day of the version's ratings, in the results")
        with progress("rating", len(past)) as seen:
            table = table_of(rate(past, self.ratings, seen)[0], self.rho, self.as_of)
        return outcomes(table.log_rates([(match.home, match.away, match.league) for match in fixtures]), self.rho)


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
