"""The scoreline grid and what is read off it. The graph computes the same in ONNX; a test compares the two."""

import math

import numpy as np

GOALS = 11
_I, _J = np.divmod(np.arange(GOALS * GOALS), GOALS)
LOG_FACTORIAL = np.array([math.lgamma(k + 1) for k in range(GOALS)])
# Cells of the grid that the Dixon-Coles correction touches. With unnormalised Poisson weights λ^i μ^j / (i! j!)
# its four terms all have the same size, λμ: minus at 0-0 and 1-1, plus at 0-1 and 1-0.
CORRECTION = np.zeros(GOALS * GOALS)
CORRECTION[[0, 1, GOALS, GOALS + 1]] = [-1.0, 1.0, 1.0, -1.0]
# One column each: home, draw, away, expected home goals, expected away goals, over 1.5, 2.5, 3.5, both teams score.
READINGS = np.stack(
    [_I > _J, _I == _J, _I < _J, _I, _J, _I + _J > 1.5, _I + _J > 2.5, _I + _J > 3.5, (_I > 0) & (_J > 0)], axis=1
).astype(float)
# log weight of a cell = (log λ, log μ) · EXPONENTS + LOG_WEIGHTS
EXPONENTS = np.stack([_I, _J]).astype(float)
LOG_WEIGHTS = -(LOG_FACTORIAL[_I] + LOG_FACTORIAL[_J])


def grid(log_rates: np.ndarray, rho: float) -> np.ndarray:
    """Probabilities [N, 121] of the scores 0-0 … 10-10 (row-major, home first) from log expected goals [N, 2].

    Two Poissons with the correction of Dixon and Coles (1997), cut off at ten goals and scaled to sum to one.
    """
    weights = np.exp(log_rates @ EXPONENTS + LOG_WEIGHTS)
    weights = weights + weights[:, GOALS + 1 : GOALS + 2] * (rho * CORRECTION)
    return weights / weights.sum(axis=1, keepdims=True)


def outcomes(log_rates: np.ndarray, rho: float) -> np.ndarray:
    """Probabilities [N, 3] of home win, draw, away win."""
    return grid(log_rates, rho) @ READINGS[:, :3]
