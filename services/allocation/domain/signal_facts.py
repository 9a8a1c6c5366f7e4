"""What rules of a policy may read: each signal by name, with its type, unit and source, and how it is found."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from cel_expr_python import cel

from services.allocation.domain.decision import Unit
from services.allocation.domain.signals import BudgetSignal, Cause, Restoring, Signals, Tally, Tier
from shared.condition import Facts, Language, Words

_T = cel.Type
_HOUR = timedelta(hours=1)
MISSING = "missing"


@dataclass(frozen=True, slots=True)
class SignalFact:
    """One thing a condition may read; `read` returns None where it cannot be told."""

    name: str
    type: Any
    unit: str
    source: str
    meaning: str
    read: Callable[[Signals], Any]
    rises: bool = True  # whether more of it is more demand

    @property
    def unit_of_input(self) -> Unit:
        """Returns the unit it is recorded in as a decision's input."""
        return next((unit for unit in Unit if unit.value == self.unit), Unit.RATIO)


def _mean(tally: Tally | None) -> float | None:
    return None if tally is None or tally.mean is None else float(tally.mean)


def _ratio(tally: Tally | None) -> float | None:
    """No incidents are nothing of any mean; some where there never were any are more than any multiple."""
    mean = _mean(tally)
    if tally is None or mean is None:
        return None
    return (tally.count / mean if mean else math.inf) if tally.count else 0.0


def _recent(restore: Restoring | None) -> float | None:
    return None if restore is None or restore.recent is None else restore.recent.length / _HOUR


def _earlier(restore: Restoring | None) -> float | None:
    known = restore is not None and restore.earlier is not None and restore.earlier.reached
    return restore.earlier.length / _HOUR if known and restore and restore.earlier else None


def _restore_ratio(restore: Restoring | None) -> float | None:
    recent, earlier = _recent(restore), _earlier(restore)
    return recent / earlier if recent is not None and earlier else None


def _hours(of: Signals, level: float) -> float | None:
    return None if of.demand is None else of.demand.quantile(level)


def _share(of: Signals, hours: float | None) -> float | None:
    capacity = float(of.capacity_hours)
    return hours / capacity if hours is not None and capacity else None


def _budgets(of: Signals, tier: Tier | None) -> tuple[BudgetSignal, ...] | None:
    """Those of a tier, or all; None where there is none: nothing that could be exhausted is no news that nothing is."""
    found = [each for each in of.budgets or () if tier is None or each.tier is tier]
    return tuple(found) or None


def _least(of: Signals, tier: Tier | None) -> float | None:
    found = _budgets(of, tier)
    return min(each.remaining for each in found) if found else None


def _burn(of: Signals, tier: Tier | None) -> float | None:
    return max((each.burn for each in _budgets(of, tier) or () if each.burn is not None), default=None)


def _counted(of: Signals, tier: Tier | None, name: str) -> int | None:
    found = _budgets(of, tier)
    return sum(getattr(each, name) for each in found) if found else None


def _incident_facts() -> Iterable[SignalFact]:
    own, told = "AssessmentMade of triage", "in the sprint judged"
    yield SignalFact("incidents.count", _T.INT, "incidents", own, f"opened {told}", lambda of: of.incidents and of.incidents.count)
    yield SignalFact("incidents.mean", _T.DOUBLE, "incidents", own, "a sprint, in the history", lambda of: _mean(of.incidents), False)
    yield SignalFact("incidents.ratio", _T.DOUBLE, "1", own, "count over mean; infinite over none", lambda of: _ratio(of.incidents))
    yield SignalFact(
        "incidents.history_sprints",
        _T.INT,
        "sprints",
        own,
        "that the mean is of",
        lambda of: of.incidents and of.incidents.history_sprints,
    )
    yield SignalFact("incidents.open", _T.INT, "incidents", own, "open now", lambda of: of.open_incidents)
    yield SignalFact("incidents.grave_open", _T.INT, "incidents", own, "of SEV1 and SEV2 open now", lambda of: of.open_grave)
    lower = "median time to restore; a lower bound while most of them are open"
    yield SignalFact("restore.median_hours", _T.DOUBLE, "hours", own, lower, lambda of: _recent(of.restore))
    yield SignalFact("restore.history_median_hours", _T.DOUBLE, "hours", own, "in the history", lambda of: _earlier(of.restore), False)
    yield SignalFact("restore.ratio", _T.DOUBLE, "1", own, "median over that of the history", lambda of: _restore_ratio(of.restore))
    yield SignalFact(
        "restore.count",
        _T.INT,
        "incidents",
        own,
        "restored or open that the median is of",
        lambda of: of.restore and of.restore.recent_count,
    )
    said = "IncidentChanged of intake"
    for cause in Cause:
        yield SignalFact(f"causes.{cause.name.lower()}", _T.INT, "incidents", said, f"opened {told} of this cause", _of_cause(cause))


def _of_cause(cause: Cause) -> Callable[[Signals], int | None]:
    return lambda of: None if of.causes is None else of.causes.get(cause, 0)


def _demand_facts() -> Iterable[SignalFact]:
    source = "the forecast (ForecastDemand) and RecordWork"
    yield SignalFact("demand.mean_hours", _T.DOUBLE, "hours", source, "expected this sprint", lambda of: of.demand and of.demand.mean)
    yield SignalFact(
        "demand.mean_share", _T.DOUBLE, "share", source, "of capacity", lambda of: _share(of, of.demand.mean if of.demand else None)
    )
    for level in (0.5, 0.75, 0.9, 0.95):
        name = f"demand.q{level * 100:.0f}"
        meaning = f"that suffice in {level * 100:.0f} % of sprints"
        yield SignalFact(f"{name}_hours", _T.DOUBLE, "hours", source, meaning, lambda of, at=level: _hours(of, at))  # type: ignore[misc]
        yield SignalFact(
            f"{name}_share",
            _T.DOUBLE,
            "share",
            source,
            f"of capacity {meaning}",
            lambda of, at=level: _share(of, _hours(of, at)),  # type: ignore[misc]
        )
    left = "expected to be left of the incidents open now"
    yield SignalFact("backlog.hours", _T.DOUBLE, "hours", source, left, lambda of: of.backlog_hours)
    yield SignalFact("backlog.share", _T.DOUBLE, "share", source, f"of capacity {left}", lambda of: _share(of, of.backlog_hours))


def _budget_facts() -> Iterable[SignalFact]:
    source = "ErrorBudgetChanged and ComponentChanged of triage"
    for tier in (None, *Tier):
        of_tier = "" if tier is None else f".{tier.name.lower()}"
        whose = "the team's components" if tier is None else f"its {tier.name.lower()} components"
        yield SignalFact(
            f"budget{of_tier}.left",
            _T.DOUBLE,
            "share",
            source,
            f"least left of a budget of {whose}",
            lambda of, at=tier: _least(of, at),  # type: ignore[misc]
            False,
        )
        yield SignalFact(
            f"budget{of_tier}.burn",
            _T.DOUBLE,
            "1",
            source,
            f"fastest burn of {whose}, in the shortest window told",
            lambda of, at=tier: _burn(of, at),  # type: ignore[misc]
        )
        for name, meaning in (("exhausted", "budgets with nothing left"), ("frozen", "budgets that triage's policy freezes")):
            yield SignalFact(
                f"budget{of_tier}.{name}",
                _T.INT,
                "budgets",
                source,
                f"{meaning}, of {whose}",
                lambda of, at=tier, which=name: _counted(of, at, which),  # type: ignore[misc]
            )


def _other_facts() -> Iterable[SignalFact]:
    untold = "no service yet: cannot be told"
    own = "AssessmentMade of triage"
    yield SignalFact(
        "impact.loss_per_hour",
        _T.DOUBLE,
        "money",
        own,
        "expected of the incidents open now, in their one currency",
        lambda of: None if of.loss_per_hour is None else float(of.loss_per_hour),
    )
    yield SignalFact(
        "impact.worst_tier",
        _T.STRING,
        "`critical` … `low`",
        "ComponentChanged of triage",
        "of the components with an open incident",
        lambda of: None if of.worst_tier is None else of.worst_tier.name.lower(),
    )
    yield SignalFact("impact.users", _T.INT, "users", untold, "hindered by the incidents open now", lambda of: of.users)
    yield SignalFact("actions.open", _T.INT, "actions", untold, "corrective actions not done yet", lambda of: of.open_actions)
    yield SignalFact("actions.overdue", _T.INT, "actions", untold, "of them past their date", lambda of: of.overdue_actions)
    drift = "worked on remediation minus planned, over the sprints last finished"
    yield SignalFact("adherence.drift", _T.DOUBLE, "share", "adherence, as last looked at", drift, lambda of: of.adherence_drift)
    yield SignalFact("sprint.number", _T.INT, "1", "the team", "of the present sprint", lambda of: of.sprint, False)
    yield SignalFact("capacity.hours", _T.DOUBLE, "hours", "the team", "of the present sprint", lambda of: float(of.capacity_hours), False)


FACTS = (*_incident_facts(), *_demand_facts(), *_budget_facts(), *_other_facts())
NAMES = frozenset(fact.name for fact in FACTS)

LANGUAGE = Language(
    {fact.name: fact.type for fact in FACTS} | {MISSING: _T.List(_T.STRING)},
    Words(
        "compare each signal with a value of its own type (1 for whole numbers, 1.0 for others, texts in quotes)",
        "incidents.ratio > 1.5",
        "the table of signals in services/allocation/README.md lists what may be read",
        missing=MISSING,
    ),
)


@lru_cache(maxsize=512)
def facts_read(names: frozenset[str]) -> tuple[SignalFact, ...]:
    """Returns the signals of these names; all where `missing` is among them, which names any that cannot be told."""
    return FACTS if MISSING in names else tuple(fact for fact in FACTS if fact.name in names)


def facts_of(of: Signals, facts: Iterable[SignalFact] = FACTS) -> tuple[Facts, dict[str, Any], frozenset[str]]:
    """Returns what conditions read, the same by name, and the names of what cannot be told: it is absent, and named in `missing`."""
    values = {fact.name: fact.read(of) for fact in facts}
    unknown = frozenset(name for name, value in values.items() if value is None)
    known = {name: value for name, value in values.items() if value is not None}
    return LANGUAGE.facts(known | {MISSING: sorted(unknown)}), known, unknown
