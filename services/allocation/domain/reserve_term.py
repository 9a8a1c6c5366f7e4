"""The reserve's term: what the forecast asks to set aside, beside what the policy's rules ask for."""

from decimal import ROUND_CEILING, Decimal

from services.allocation.domain.decision import DecisionTerm
from services.allocation.domain.demand_reserve import Promise
from services.allocation.domain.policy_rule import ReserveTarget
from services.allocation.domain.quantity import WHOLE, figure, percent
from services.allocation.domain.signals import Signals

RESERVE = "reserve"
RESERVE_SHARE = "reserve_share"  # the input of that name: what the reserve alone asks for
_TOO_LITTLE = "Too little was observed to foretell this sprint's remediation"


def reserve_term(target: ReserveTarget, signals: Signals, baseline: int, asked: int | None) -> DecisionTerm:
    """Returns what the reserve adds: to the baseline, from which it may also take; or, where rules ask for `asked`, what it needs beyond.

    So that the larger of both is asked for (decision-maths, 3). Shares in millionths. It is no trigger and never fires: that the forecast
    moves is no alarm.
    """
    reserved = reserved_share(target, signals)
    if reserved is None:
        why = signals.demand_note or f"{_TOO_LITTLE}, so the baseline stands."
        return DecisionTerm(RESERVE, 0, False, why)
    share, reason = reserved
    if asked is None:
        return DecisionTerm(RESERVE, share - baseline, False, reason)
    added = max(share - asked, 0)
    beside = "beyond what the rules ask for" if added else f"and the rules ask for more, {percent(asked)}, so that this adds nothing"
    return DecisionTerm(RESERVE, added, False, f"{reason[:-1]}, {beside}.")


def reserved_share(target: ReserveTarget, signals: Signals) -> tuple[int, str] | None:
    """Returns the share and why: the quantile promised and the part of the backlog due, over capacity; None where nothing foretells it.

    Rounded up to a millionth. What cannot be told of the backlog is not in it, and the reason says so.
    """
    if signals.demand is None or not signals.capacity_hours:
        return None
    promise = target.promise
    quantile = signals.demand.quantile(promise.level)
    due = promise.due(signals.backlog_hours or 0.0, 0)
    share = int((Decimal(str(quantile + due)) * WHOLE / signals.capacity_hours).to_integral_value(ROUND_CEILING))
    return share, _reason(promise, (quantile, due), signals, share)


def _reason(promise: Promise, of: tuple[float, float], signals: Signals, share: int) -> str:
    quantile, due = of
    why = ""
    if promise.costs is not None:
        why = f", as an hour not covered costs {figure(promise.costs.uncovered)} and an idle one {figure(promise.costs.idle)}"
    told = f"{figure(quantile, 1)} h suffice for new incidents in {figure(100 * promise.level, 1)} % of sprints like this one{why}"
    if due:
        over = "this sprint" if promise.clearing_sprints == 1 else f"{promise.clearing_sprints} sprints"
        told += f"; {figure(due, 1)} h more clear the backlog within {over}"
    elif signals.backlog_hours is None:
        told += "; what is left of open incidents cannot be told"
    return f"{told}: {percent(share)} of {figure(signals.capacity_hours)} h."
