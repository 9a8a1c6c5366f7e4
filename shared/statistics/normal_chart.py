"""Charts of figures that are about normal, in standard deviations from their mean in control: CUSUM and EWMA, with run lengths.

Run lengths solve the integral equations of the two charts by Gauss–Legendre quadrature with 64 nodes, which is exact to more digits
than anybody needs (for the CUSUM after Page, 1954; for the EWMA after Crowder, 1987).
"""

import math

import numpy as np
from numpy.typing import NDArray

from shared.statistics.change_detection import lowest

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_above = np.vectorize(lambda x: math.erfc(x / math.sqrt(2)) / 2, otypes=[float])


def cusum_run_length(limit: float, reference: float = 0.5, shift: float = 0.0) -> float:
    """Returns the mean run length of the one-sided chart `S ← max(0, S + x − reference)`, tripped beyond `limit`, for x ~ N(shift, 1)."""
    nodes, weights = _scaled(0.0, limit)
    starts = np.concatenate(([0.0], nodes))
    # The first unknown is the run length from 0, which is where every sum that would be negative goes.
    falls = 1 - _above(reference - starts - shift)
    onto = weights * _density(nodes[None, :] + reference - starts[:, None] - shift)
    moves = np.column_stack((falls, onto))
    return float(np.linalg.solve(np.eye(len(starts)) - moves, np.ones(len(starts)))[0])


def cusum_limit(wanted_in_control: float, reference: float = 0.5) -> float:
    """Returns the limit at which false alarms of the one-sided chart are this many figures apart on average."""
    return lowest(lambda limit: cusum_run_length(limit, reference) >= wanted_in_control)


def ewma_limit(weight: float, width: float) -> float:
    """Returns how far from its mean `z ← weight · x + (1 − weight) · z` may go: `width` of its own standard deviations in the long run."""
    return width * math.sqrt(weight / (2 - weight))


def ewma_run_length(weight: float, width: float, shift: float = 0.0) -> float:
    """Returns the mean run length of the two-sided EWMA chart begun at 0, for x ~ N(shift, 1)."""
    limit = ewma_limit(weight, width)
    nodes, weights = _scaled(-limit, limit)
    starts = np.concatenate(([0.0], nodes))
    onto = weights / weight * _density((nodes[None, :] - (1 - weight) * starts[:, None]) / weight - shift)
    lengths = np.linalg.solve(np.eye(len(nodes)) - onto[1:], np.ones(len(nodes)))
    return float(1 + onto[0] @ lengths)


def _scaled(low: float, high: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    half = (high - low) / 2
    return half * (_NODES + 1) + low, half * _WEIGHTS


def _density(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
