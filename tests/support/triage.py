"""Builders for triage's tests: each takes what matters and fills in the rest."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from services.triage.domain.budget_policy import BudgetEffect
from services.triage.domain.budget_snapshot import BudgetSnapshot
from services.triage.domain.component import Component, Tier
from services.triage.domain.defaults import default_matrix, default_model
from services.triage.domain.finding import Finding, Standards, find
from services.triage.domain.incident import Evidence, Incident, ServiceImpact
from services.triage.domain.inputs import Surroundings
from services.triage.domain.recurrence import Recurrence
from services.triage.domain.severity_matrix import MatrixRevision
from shared.money import Money

MONDAY_NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SUNDAY_NIGHT = datetime(2026, 3, 1, 3, tzinfo=UTC)
FIRST_MATRIX = MatrixRevision(1, default_matrix(), "ballast", "default", datetime(2026, 1, 1, tzinfo=UTC))


def money_of(text: str) -> Money:
    """Reads `12.50 USD`."""
    amount, currency = text.split()
    return Money(Decimal(amount), currency)


def component(name: str = "web", tier: Tier | None = None, revenue: str | None = None, **more: Any) -> Component:
    money = None if revenue is None else money_of(revenue)
    return Component(f"components/{name}", tier=tier, revenue_per_minute=money, **more)


def incident(*components: str, opened_at: datetime = SUNDAY_NIGHT, alerts: int = 1, **evidence: Any) -> Incident:
    return Incident(
        opened_at, name="incidents/1", title="Checkout is slow", components=components, alert_count=alerts, evidence=Evidence(**evidence)
    )


def assessed(of: Incident, *known: Component, dependents: int = 0) -> Finding:
    return find(of, Surroundings(known, dependents), Standards(default_model(), FIRST_MATRIX))


def assessed_in(around: Surroundings, of: Incident) -> Finding:
    return find(of, around, Standards(default_model(), FIRST_MATRIX))


def contributions(finding: Finding) -> dict[str, float]:
    return {term.feature: term.contribution for term in finding.verdict.score.terms}


maybe_yes = st.none() | st.booleans()
evidences = st.builds(
    Evidence,
    users_affected=st.none() | st.integers(0, 10**9),
    service_impact=st.none() | st.sampled_from(ServiceImpact),
    data_loss=maybe_yes,
    security=maybe_yes,
    safety=maybe_yes,
    workaround=maybe_yes,
    burn_rate=st.none() | st.floats(0, 1e6),
    recent_change=maybe_yes,
    redundancy_left=st.none() | st.floats(0, 1),
    flap_count=st.none() | st.integers(0, 10**6),
)
revenues = st.none() | st.builds(Money, st.decimals(0, 10**7, places=2), st.sampled_from(["USD", "EUR"]))


def _components(names: Sequence[str]) -> st.SearchStrategy[list[Component]]:
    return st.tuples(
        *(
            st.builds(Component, st.just(f"components/{name}"), tier=st.none() | st.sampled_from(Tier), revenue_per_minute=revenues)
            for name in names
        )
    ).map(list)


catalogues = st.lists(st.sampled_from("abcd"), unique=True).map(sorted).flatmap(_components)
incidents = st.builds(
    Incident,
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants naive bounds
    components=st.lists(st.sampled_from("abcdef"), unique=True).map(tuple),
    alert_count=st.integers(1, 10**6),
    evidence=evidences,
    changed_at=st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the same
)
budgets = st.builds(
    BudgetSnapshot,
    st.just("slos/web"),
    st.integers(0, 3),
    st.none() | st.floats(0, 1e4),
    st.floats(-3, 1.5),
    st.booleans(),
    st.sampled_from(BudgetEffect),
)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Incident, Surroundings]:
    """Draws an incident and the part of the catalogue that holds some of its components."""
    happened = draw(incidents)
    known = tuple(each for each in draw(catalogues) if each.name.removeprefix("components/") in happened.components)
    around = Surroundings(
        known, draw(st.integers(0, 100)), Recurrence(draw(st.integers(0, 50))), tuple(draw(st.lists(budgets, max_size=2)))
    )
    age = draw(st.none() | st.timedeltas(timedelta(hours=-1), timedelta(days=9)))
    return happened, replace(around, now=happened.changed_at + age if happened.changed_at and age is not None else None)
