"""Causes of spent budget, seen from the team that owns the component: what they are, and which of them spent the most."""

from collections.abc import Mapping
from enum import IntEnum


class BudgetCause(IntEnum):
    """Why budget was spent (SRE workbook, example error budget policy)."""

    UNKNOWN = 1  # nobody said, or no incident was open
    OWN_CHANGE = 2  # the team's own deploy, configuration, flag, bug or procedure
    DEPENDENCY = 3  # another component that is needed, and whose failure could be softened
    PLATFORM = 4  # what the whole organisation runs on
    EXTERNAL = 5  # outside the organisation
    FROZEN_TEAM = 6  # another team's component whose own budget is exhausted, so that its team works on it already
    OUT_OF_SCOPE = 7  # traffic that the promise was not made for
    MISCATEGORISED = 8  # errors that were counted as good before they were understood


# For which the team is not held up: what would mend it is not in its hands.
FORGIVEN = frozenset({BudgetCause.PLATFORM, BudgetCause.EXTERNAL, BudgetCause.FROZEN_TEAM, BudgetCause.OUT_OF_SCOPE})


def deciding_cause(spent: Mapping[BudgetCause, float], total: float) -> BudgetCause:
    """Returns the cause that most of `total` bad events fall to; what falls to no incident is unknown. Of equals the first one counts,
    and a forgiven one only when it spent more than all others."""
    known = sum(spent.values())
    shares = dict(spent)
    shares[BudgetCause.UNKNOWN] = shares.get(BudgetCause.UNKNOWN, 0.0) + max(total - known, 0.0)
    return max(shares, key=lambda cause: (shares[cause], cause not in FORGIVEN, -cause))
