"""What approval rules may read: each fact by name, with its type, and how it is found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cel_expr_python import cel

from services.governance.domain.approval_request import ApprovalRequest, Impact
from shared.condition import Facts, Language, Words

_T = cel.Type
MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing a condition may read; `read` returns None where it is unknown."""

    name: str
    type: Any
    meaning: str
    read: Callable[[ApprovalRequest], Any]


def _impact(name: str, type_: Any, meaning: str, read: Callable[[Impact], Any]) -> Fact:
    return Fact(f"impact.{name}", type_, meaning, lambda of: read(of.impact) if of.impact else None)


FACTS = (
    Fact("kind", _T.STRING, "kind of what is changed, such as `severity-matrix`", lambda of: of.kind),
    Fact("subject", _T.STRING, "resource that is changed", lambda of: of.subject),
    Fact("team", _T.STRING, "id of the team concerned; empty for everybody", lambda of: of.team.removeprefix("teams/")),
    Fact("author", _T.STRING, "principal who wants it", lambda of: of.author),
    Fact("requester", _T.STRING, "principal who asked: the author, or a service on the author's behalf", lambda of: of.requester),
    Fact("emergency", _T.BOOL, "whether it is asked for as one that cannot wait", lambda of: bool(of.break_glass_reason)),
    Fact(
        "impact.known",
        _T.BOOL,
        "whether an impact preview came with it; without one the facts below are unknown",
        lambda of: bool(of.impact),
    ),
    _impact("displaced_items", _T.INT, "roadmap items that are displaced", lambda of: of.displaced_items),
    _impact("delay_days", _T.DOUBLE, "longest delay of one of them, in days", lambda of: float(of.delay_days)),
    _impact("value_at_risk", _T.DOUBLE, "money", lambda of: float(of.value_at_risk.amount) if of.value_at_risk else 0.0),
    _impact(
        "currency", _T.STRING, "of that money; empty where there is none", lambda of: of.value_at_risk.currency if of.value_at_risk else ""
    ),
    _impact("severity", _T.INT, "worst severity concerned, 1 (worst) to 5; unknown where there is none", lambda of: of.severity or None),
    _impact(
        "remediation_share_change",
        _T.DOUBLE,
        "by how much the share of capacity for remediation changes, -1.0 to 1.0",
        lambda of: float(of.remediation_share_change),
    ),
    _impact("measures", _T.Map(_T.STRING, _T.DOUBLE), "other figures, by names of the kind's own", lambda of: dict(of.measures)),
)

LANGUAGE = Language(
    {fact.name: fact.type for fact in FACTS} | {MISSING: _T.List(_T.STRING)},
    Words(
        "compare each fact with a value of its own type (1 for whole numbers, 1.0 for others, texts in quotes)",
        "impact.displaced_items > 3",
        missing=MISSING,
    ),
)


def facts_of(request: ApprovalRequest) -> tuple[Facts, frozenset[str]]:
    """Returns what conditions read, and the names of what is unknown: it is absent, and named in the list `missing`."""
    values = {fact.name: fact.read(request) for fact in FACTS}
    unknown = frozenset(name for name, value in values.items() if value is None)
    known = {name: value for name, value in values.items() if value is not None}
    return LANGUAGE.facts(known | {MISSING: sorted(unknown)}), unknown
