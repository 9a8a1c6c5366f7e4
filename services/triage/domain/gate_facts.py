"""What gating rules may read: each fact by name, with its type, and how it is found."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from cel_expr_python import cel

from services.triage.domain.budget_policy import BudgetEffect
from services.triage.domain.incident import Incident
from services.triage.domain.inputs import Surroundings, evidence_age, is_business_hours
from services.triage.domain.severity import Severity
from services.triage.domain.verdict import Verdict
from shared.condition import Facts, Language, Words
from shared.money import Money

_T = cel.Type
MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Situation:
    """All that is known when gates are asked."""

    incident: Incident
    around: Surroundings
    verdict: Verdict
    expected_loss_per_hour: Money | None


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing a condition may read; `read` returns None where it is unknown."""

    name: str
    type: Any
    meaning: str
    read: Callable[[Situation], Any]


def _evidence(name: str, type_: Any, meaning: str) -> Fact:
    return Fact(f"incident.{name}", type_, meaning, lambda of: _plain(getattr(of.incident.evidence, name)))


def _sum(of: Situation, name: str) -> float | int | None:
    """Returns a lower bound: what is known of the components that are known."""
    found = [value for each in of.around.known if (value := getattr(each, name)) is not None]
    return sum(found) if found else None


def _revenue(of: Situation) -> float | None:
    found = [each.revenue_per_minute for each in of.around.known if each.revenue_per_minute is not None]
    return float(sum(each.amount for each in found)) if found and len({each.currency for each in found}) == 1 else None


def _tier(of: Situation) -> str | None:
    worst = min((each.tier for each in of.around.known if each.tier is not None), default=None)
    return worst.name.lower() if worst is not None else None


def _teams(of: Situation) -> list[str]:
    return sorted({each.owner_team.removeprefix("teams/") for each in of.around.known if each.owner_team})


def _worst(of: Situation, name: str, pick: Callable[[Iterable[float]], float]) -> float | None:
    found = [value for each in of.around.budgets if (value := getattr(each, name)) is not None]
    return pick(found) if found else None


def _age(of: Situation) -> int | None:
    return evidence_age(of.incident, of.around.now)


def _pages(of: Situation) -> bool:
    return any(each.pages for each in of.around.budgets)


def _frozen(of: Situation) -> bool:
    return any(each.effect is BudgetEffect.FREEZE for each in of.around.budgets)


def _id(name: str) -> str:
    return name.partition("/")[2]


FACTS = (
    Fact("incident.state", _T.STRING, "`open`, `acknowledged`, `mitigated` or `resolved`", lambda of: _plain(of.incident.state)),
    Fact("incident.title", _T.STRING, "its title: text from outside", lambda of: of.incident.title),
    Fact("incident.alert_count", _T.INT, "alerts in it", lambda of: of.incident.alert_count),
    Fact("incident.components", _T.List(_T.STRING), "ids of its components", lambda of: list(of.incident.components)),
    Fact("incident.opened_at", _T.TIMESTAMP, "when it was opened", lambda of: of.incident.opened_at),
    Fact(
        "incident.business_hours",
        _T.BOOL,
        "whether it was opened in business hours",
        lambda of: is_business_hours(of.incident.opened_at),
    ),
    _evidence("users_affected", _T.INT, "users hindered"),
    _evidence("service_impact", _T.STRING, "`information`, `disruption` or `outage`"),
    _evidence("data_loss", _T.BOOL, "whether data was lost or damaged"),
    _evidence("security", _T.BOOL, "whether security is breached"),
    _evidence("safety", _T.BOOL, "whether people's safety is at risk"),
    _evidence("workaround", _T.BOOL, "whether users can work around it"),
    _evidence("burn_rate", _T.DOUBLE, "burn rate of the error budget that the alerts told"),
    _evidence("recent_change", _T.BOOL, "whether a component changed within the hour before"),
    Fact("component.tier", _T.STRING, "`critical`, `high`, `medium` or `low`: of the most needed one", _tier),
    Fact("component.revenue_per_minute", _T.DOUBLE, "sum over the components, in their one currency", _revenue),
    Fact("component.users", _T.INT, "sum over the components", lambda of: _sum(of, "users")),
    Fact("component.dependents", _T.INT, "components that need them, directly or through others", lambda of: of.around.dependents),
    Fact("component.teams", _T.List(_T.STRING), "ids of the teams that own them", _teams),
    Fact("component.unknown", _T.List(_T.STRING), "ids that the catalogue does not know", lambda of: list(of.around.unknown(of.incident))),
    _evidence("redundancy_left", _T.DOUBLE, "least share left of replicas, zones or paths"),
    _evidence("flap_count", _T.INT, "how often the signal that did so most ended and began again"),
    Fact("incident.evidence_age", _T.INT, "hours since anything was told of it, by doublings", _age),
    Fact("slo.burn_rate", _T.DOUBLE, "worst burn rate of their SLOs in an hour, as last told", lambda of: _worst(of, "burn_rate", max)),
    Fact("slo.budget_remaining", _T.DOUBLE, "least share left of an error budget of theirs", lambda of: _worst(of, "remaining", min)),
    Fact("slo.pages", _T.BOOL, "whether the burn-alert table pages for one of them", _pages),
    Fact("slo.frozen", _T.BOOL, "whether the budget policy freezes one of them", _frozen),
    Fact("slo.names", _T.List(_T.STRING), "ids of their SLOs", lambda of: sorted({_id(each.slo) for each in of.around.budgets})),
    Fact("assessment.score", _T.DOUBLE, "points", lambda of: of.verdict.score.points),
    Fact("assessment.severity", _T.INT, "1 (worst) to 5, before gates and people", lambda of: int(of.verdict.severity)),
    Fact("assessment.impact", _T.STRING, "`low`, `medium` or `high`", lambda of: _plain(of.verdict.impact)),
    Fact("assessment.urgency", _T.STRING, "`low`, `medium` or `high`", lambda of: _plain(of.verdict.urgency)),
    Fact(
        "assessment.expected_loss_per_hour",
        _T.DOUBLE,
        "money",
        lambda of: float(of.expected_loss_per_hour.amount) if of.expected_loss_per_hour else None,
    ),
    Fact(
        "history.last_28_days",
        _T.INT,
        "incidents of the same class in the 28 days before",
        lambda of: of.around.recurrence.last_28_days,
    ),
    Fact(
        "history.last_90_days",
        _T.INT,
        "incidents of the same class in the 90 days before",
        lambda of: of.around.recurrence.last_90_days,
    ),
)

LANGUAGE = Language(
    {fact.name: fact.type for fact in FACTS} | {MISSING: _T.List(_T.STRING)},
    Words(
        "compare each fact with a value of its own type (1 for whole numbers, 1.0 for others, texts in quotes)",
        "incident.users_affected > 1000",
        "ListGateFacts (`ballast gates facts`) lists what may be read",
        missing=MISSING,
    ),
)


def facts_read(names: Container[str]) -> tuple[Fact, ...]:
    """Returns the facts of these names; all where `missing` is among them, which names any that is unknown."""
    return FACTS if MISSING in names else tuple(fact for fact in FACTS if fact.name in names)


def facts_of(of: Situation, facts: Sequence[Fact] = FACTS) -> tuple[Facts, frozenset[str]]:
    """Returns what conditions read, and the names of what is unknown: it is absent, and named in the list `missing`."""
    values: Mapping[str, Any] = {fact.name: fact.read(of) for fact in facts}
    unknown = frozenset(name for name, value in values.items() if value is None)
    known = {name: value for name, value in values.items() if value is not None}
    return LANGUAGE.facts(known | {MISSING: sorted(unknown)}), unknown


def _plain(value: Any) -> Any:
    """Returns an enum's name as conditions write it; severities stay numbers, as they are compared."""
    return value.name.lower() if isinstance(value, Enum) and not isinstance(value, Severity) else value
