"""What the model is measured against: base rates, and Elo with an ordered logit."""

import math

import numpy as np

from .matches import Match

K, HOME, START, PROMOTED_START = 20.0, 60.0, 1500.0, 1350.0


def base_rates(outcome: np.ndarray, known: np.ndarray, n: int) -> np.ndarray:
    """The shares of home wins, draws and away wins among the known matches, for each of n matches."""
    shares = np.bincount(outcome[known], minlength=3) / known.sum()
    return np.tile(shares, (n, 1))


def elo_gaps(matches: list[Match]) -> np.ndarray:
    """Elo of the home side less that of the away side before each match, home advantage included, in hundreds."""
    elo: dict[str, float] = {}
    gaps = np.empty(len(matches))
    for index, match in enumerate(matches):
        start = START if match.tier == 1 else PROMOTED_START
        home, away = elo.get(match.home, start), elo.get(match.away, start)
        gap = home - away + HOME
        expected = 1 / (1 + 10 ** (-gap / 400))
        margin = math.log1p(abs(match.home_goals - match.away_goals)) + 0.3
        move = K * margin * (1 - match.outcome / 2 - expected)
        elo[match.home], elo[match.away] = home + move, away - move
        gaps[index] = gap / 100
    return gaps


def ordered_logit(gaps: np.ndarray, outcome: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Probabilities [N, 3] from one slope and two thresholds, fitted on the known matches by Newton's method."""
    slope, low, high = 0.6, -0.6, 0.6

    def cumulative(s: float, a: float, b: float, x: np.ndarray) -> np.ndarray:
        away, not_home = 1 / (1 + np.exp(s * x - a)), 1 / (1 + np.exp(s * x - b))
        return np.stack([1 - not_home, not_home - away, away], axis=1)

    theta = np.array([slope, low, high])
    x, y = gaps[known], outcome[known]
    for _ in range(30):
        probs = cumulative(*theta, x)
        chosen = probs[np.arange(len(y)), y]
        away, not_home = probs[:, 2], probs[:, 1] + probs[:, 2]
        by_low, by_high = away * (1 - away), not_home * (1 - not_home)
        # Derivatives of the chosen probability by slope, lower and upper threshold.
        low_part = np.where(y == 2, by_low, np.where(y == 1, -by_low, 0.0))
        high_part = np.where(y == 0, -by_high, np.where(y == 1, by_high, 0.0))
        scores = np.stack([-(low_part + high_part) * x, low_part, high_part], axis=1) / chosen[:, None]
        # Fisher scoring: the outer product of the scores stands for the Hessian.
        step = np.linalg.solve(scores.T @ scores, scores.sum(axis=0))
        theta = theta + step
        if np.abs(step).max() < 1e-9:
            break
    return cumulative(*theta, gaps)
