"""Pasts to try policies on: drawn, and as requests bring them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from ballast.allocation.v1 import backtest_pb2
from google.protobuf.duration_pb2 import Duration

from services.allocation.domain.backtest_past import GivenPeriod, TeamPast, past_from_given


def periods(seed: int, count: int = 40, mean: float = 2.0, capacity: float = 120.0, **more: Any) -> list[GivenPeriod]:
    """Draws clustered counts, lognormal efforts with a median of 8 h and times to restore with one of 4 h."""
    chance = np.random.default_rng(seed)
    counts = chance.negative_binomial(1, 1 / (1 + mean), count).tolist()
    return [
        GivenPeriod(
            number,
            each,
            tuple(chance.lognormal(2.08, 0.9, each).round(2).tolist()),
            tuple(chance.lognormal(1.4, 1.0, each).round(3).tolist()),
            tuple(chance.integers(1, 6, each).tolist()),
            capacity,
            **more,
        )
        for number, each in enumerate(counts, 1)
    ]


def past(seed: int, *, days: float = 7.0, **more: Any) -> TeamPast:
    return past_from_given(f"teams/t{seed}", periods(seed, **more), days)


def history(seed: int, **more: Any) -> backtest_pb2.BacktestHistory:
    """Builds the message of a drawn past, of weeks."""
    return message(f"teams/t{seed}", periods(seed, **more))


def message(team: str, given: Sequence[GivenPeriod]) -> backtest_pb2.BacktestHistory:
    told = [
        backtest_pb2.BacktestPeriod(
            number=each.number,
            count=each.count,
            effort_hours=each.efforts,
            restore_hours=each.restores,
            severities=each.severities,
            remediation_share=each.share,
        )
        for each in given
    ]
    week = Duration()
    week.FromTimedelta(timedelta(days=7))
    return backtest_pb2.BacktestHistory(team=team, periods=told, period=week, capacity_hours=given[0].capacity if given else 120)
