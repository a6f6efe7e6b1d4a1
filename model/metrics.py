"""Scores of probability forecasts of home win, draw, away win."""

from dataclasses import dataclass

import numpy as np

BINS = 10


@dataclass(frozen=True)
class Scores:
    n: int
    log_loss: float
    rps: float
    accuracy: float
    ece: float


@dataclass(frozen=True)
class Bin:
    """Forecasts of one outcome whose probability fell between two bounds."""

    outcome: str
    low: float
    high: float
    n: int
    forecast: float
    observed: float


def rps(probs: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """Ranked probability score per match, divided by 2 (0 is perfect, 1 the worst)."""
    miss = np.cumsum(probs - np.eye(3)[outcome], axis=1)[:, :2]
    return (miss**2).sum(axis=1) / 2


def log_loss(probs: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """Minus the natural log of the probability given to what happened, per match."""
    return -np.log(probs[np.arange(len(outcome)), outcome])


def reliability(probs: np.ndarray, outcome: np.ndarray) -> list[Bin]:
    """Forecast against observed frequency in ten bins for each of the three outcomes."""
    bins = []
    for column, name in enumerate(("home", "draw", "away")):
        index = np.minimum((probs[:, column] * BINS).astype(int), BINS - 1)
        for number in range(BINS):
            inside = index == number
            if inside.any():
                forecast, observed = probs[inside, column].mean(), (outcome[inside] == column).mean()
                bins.append(
                    Bin(name, number / BINS, (number + 1) / BINS, int(inside.sum()), float(forecast), float(observed))
                )
    return bins


def scores(probs: np.ndarray, outcome: np.ndarray) -> Scores:
    """All scores; the calibration error (ECE) is class-wise over ten bins, averaged over the three outcomes."""
    n = len(outcome)
    ece = sum(one.n / n * abs(one.forecast - one.observed) for one in reliability(probs, outcome)) / 3
    return Scores(
        n,
        float(log_loss(probs, outcome).mean()),
        float(rps(probs, outcome).mean()),
        float((probs.argmax(axis=1) == outcome).mean()),
        float(ece),
    )


@dataclass(frozen=True)
class Difference:
    """Mean of a paired difference with its 95 % interval (normal approximation over matches)."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        # Adding 0 takes the sign from a zero.
        mean, low, high = (f"{round(value, 5) + 0:+.5f}" for value in (self.mean, self.low, self.high))
        return f"{mean} [{low}, {high}]"


def paired(one: np.ndarray, other: np.ndarray) -> Difference:
    """How much larger `one` is than `other`, match by match."""
    gap = one - other
    mean, half = float(gap.mean()), float(1.96 * gap.std(ddof=1) / len(gap) ** 0.5)
    return Difference(mean, mean - half, mean + half)
