"""Decisions replayed on the year: the default policy, and one with a reserve, beside the baselines."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from services.allocation.domain.backtest import Backtest, Design, backtest
from services.allocation.domain.backtest_past import TeamPast
from services.allocation.domain.policy import AllocationPolicy, default_policy
from services.allocation.domain.policy_rule import ReserveTarget

_DEFAULT = default_policy(datetime(2026, 1, 1, tzinfo=UTC))
# The default with a reserve instead of its triggers, free to fall to nothing, and a dwell of three weeks.
_RESERVE = replace(
    _DEFAULT,
    floor_share=0,
    quiet_sprints=1,
    incident_frequency=None,
    time_to_restore=None,
    open_incidents=None,
    reserve=ReserveTarget(Decimal("0.75")),
    shortest_dwell=timedelta(weeks=3),
)
POLICIES: tuple[tuple[str, AllocationPolicy], ...] = (("default", _DEFAULT), ("reserve", _RESERVE))


def replayed(pasts: Sequence[TeamPast], level: float = 0.75) -> Backtest:
    """Replays both policies."""
    work = backtest(pasts, Design(POLICIES, level, with_shares=True))
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: Backtest = end.value
            return found
