"""What a forecast cannot tell, in words for whoever plans by it."""

from services.allocation.domain.demand_history import DemandHistory
from services.allocation.domain.demand_rate import RatePool
from services.allocation.domain.quantity import counted, figure

FEWEST_PERIODS = 6
FEWEST_INCIDENTS = 5
FEWEST_EFFORTS = 10
_FULL = 0.98
_MANY_OPEN = 0.5


def warnings_of(
    history: DemandHistory, pool: RatePool, pool_effort_count: int, load: float | None = None, backlog_hours: float = 0.0
) -> tuple[str, ...]:
    """Returns what to keep in mind, the gravest first; nothing where the history tells enough."""
    found = [
        _hours(pool_effort_count),
        _load(load, backlog_hours),
        _counts(history, pool),
        _efforts(history, pool_effort_count),
        _open(history),
    ]
    return tuple(each for each in found if each)


def _hours(pool_effort_count: int) -> str:
    if pool_effort_count:
        return ""
    return "No effort is recorded in any history, so hours cannot be told but from a typical effort; record work on incidents."


def _load(load: float | None, backlog_hours: float) -> str:
    if load is None or load < _FULL:
        return ""
    more = f", {figure(backlog_hours, 1)} h of it now" if backlog_hours else ""
    return f"The reserve hardly exceeds the hours expected, so a backlog would grow without bound{more}; promise a higher level."


def _counts(history: DemandHistory, pool: RatePool) -> str:
    periods, incidents = len(history.counts), sum(history.counts)
    if periods >= FEWEST_PERIODS and incidents >= FEWEST_INCIDENTS:
        return ""
    seen = f"{counted(incidents, 'incident')} in {counted(periods, 'period')}"
    others = pool.team_count - 1
    rest = f"the rate rests mostly on the {counted(others, 'other team')}" if others else "there is no other team to learn from"
    return f"{seen} cannot tell this team's own rate: {rest}."


def _efforts(history: DemandHistory, pool_effort_count: int) -> str:
    own = len(history.efforts)
    if not pool_effort_count or own >= FEWEST_EFFORTS:
        return ""
    seen = counted(own, "effort")
    return f"{seen} of this team cannot tell what its incidents take: the rest is learned from {pool_effort_count} of all teams."


def _open(history: DemandHistory) -> str:
    if history.open_count <= _MANY_OPEN * len(history.efforts) or not history.efforts:
        return ""
    return f"{history.open_count} of {len(history.efforts)} efforts are of incidents still open, so what they come to is mostly guessed."
