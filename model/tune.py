"""Searches the parameters of the ratings on past seasons; what it prints goes into params.yaml."""

from dataclasses import asdict, replace

import numpy as np
import yaml

from .faults import Fault
from .matches import Match
from .metrics import log_loss
from .params import Params, Ratings
from .progress import progress
from .ratings import rate
from .scoreline import outcomes

ROUNDS = 20
# A few matches wash these out, whatever they are.
FIXED = ("level", "first_home")


def tune(matches: list[Match], params: Params) -> str:
    """The best parameters found, as the YAML of params.yaml.

    A pattern search: each parameter in turn goes up or down by its step, which grows with success and halves without.
    """
    matches = [match for match in matches if match.season <= params.tune.tuned_through]
    scored = np.array([match.season >= params.tune.first_season for match in matches])
    if not scored.any():
        raise Fault(f"no match of the seasons {params.tune.first_season} to {params.tune.tuned_through} in the data")
    top = np.array([match.tier == 1 for match in matches])
    outcome = np.array([match.outcome for match in matches])

    def loss(values: dict[str, float]) -> float:
        ratings = Ratings(**{name: value for name, value in values.items() if name != "rho"})
        with np.errstate(all="ignore"):
            misses = log_loss(outcomes(np.array(rate(matches, ratings)[1]), values["rho"]), outcome)
        second = misses[scored & ~top].mean() if (scored & ~top).any() else 0.0
        total = misses[scored & top].mean() + params.tune.second_tier_weight * second
        return float(total) if np.isfinite(total) else float("inf")

    best = {**asdict(params.ratings), "rho": params.scoreline.rho}
    steps = {name: max(abs(value) * 0.1, 0.0002) for name, value in best.items() if name not in FIXED}
    lowest = start = loss(best)
    with progress("tuning", ROUNDS * len(steps)) as seen:
        for _ in range(ROUNDS):
            for name, step in steps.items():
                for change in (step, -step):
                    value = best[name] + change
                    # A negative rate would learn the opposite of what happened.
                    tried = {**best, name: max(value, 0.0) if name.endswith("rate") else value}
                    if (found := loss(tried)) < lowest:
                        best, lowest, steps[name] = tried, found, abs(step) * 1.5
                        break
                else:
                    steps[name] = step / 2
                seen(name)
    rho = round(best.pop("rho"), 4)
    found = replace(params.ratings, **{name: round(value, 4) for name, value in best.items()})
    sections = {"ratings": asdict(found), "scoreline": {"rho": rho}}
    return f"# loss {start:.6f} -> {lowest:.6f}\n{yaml.safe_dump(sections, sort_keys=False)}".rstrip()
