"""Sums and orders of a decision's impact, and measures read back from edges."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.governance.domain.fact import ComponentFact, IncidentFact
from services.governance.domain.impact import DisplacedSince, Impact, by_value, incident_since
from services.governance.domain.lineage import Node, NodeKind
from services.governance.domain.measure import days_of, days_text, decimal_of
from shared.money import Money

INCIDENT = Node("incidents/1", NodeKind.INCIDENT)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def item(name: str, days: float, value: Money | None = None) -> DisplacedSince:
    return DisplacedSince(Node(name, NodeKind.ROADMAP_ITEM), timedelta(days=days), value)


def impact(*items: DisplacedSince) -> Impact:
    return Impact(Node("decisions/1", NodeKind.DECISION), items, (), (), (), is_partial=False)


def test_value_at_risk_is_summed_by_currency_and_the_longest_delay_is_told() -> None:
    found = impact(
        item("a", 3, Money(Decimal(5), "EUR")), item("b", 9), item("c", 1, Money(Decimal(2), "CHF")), item("d", 1, Money(Decimal(4), "EUR"))
    )
    assert found.value_at_risk == (Money(Decimal(2), "CHF"), Money(Decimal(9), "EUR"))
    assert found.longest_delay == timedelta(days=9)
    assert (impact().value_at_risk, impact().longest_delay) == ((), None)


def test_items_stand_by_value_then_by_delay_then_by_name() -> None:
    items = [item("d", 1), item("c", 1), item("b", 2), item("a", 1, Money(Decimal(1), "EUR"))]
    assert [each.item.name for each in by_value(items)] == ["a", "b", "c", "d"]


def test_an_incident_stands_as_the_newest_account_of_it_has_it() -> None:
    ended = IncidentFact("incidents/1", "", resolved_at=NOON, updated_at=NOON)
    before = IncidentFact("incidents/1", "", updated_at=NOON - timedelta(hours=1))
    for facts in ([ended, before], [before, ended], [None, ended, ComponentFact("components/x", "")]):
        assert incident_since(INCIDENT, facts).resolved_at == NOON
    assert incident_since(INCIDENT, []).resolved_at is None


@pytest.mark.parametrize(("text", "value"), [("12.5", Decimal("12.5")), ("", None), ("NaN", None), ("Infinity", None), ("x", None)])
def test_a_number_is_read_and_what_is_none_is_not(text: str, value: Decimal | None) -> None:
    assert decimal_of(text) == value


@given(st.timedeltas(timedelta(days=-36_000), timedelta(days=36_000)))
def test_a_duration_written_and_read_is_the_same_to_a_tenth_of_a_second(duration: timedelta) -> None:
    assert abs(days_of(days_text(duration)) - duration) < timedelta(seconds=0.1)


def test_no_text_gives_more_than_a_century() -> None:
    assert (days_of("1e30"), days_of("-1e30"), days_of("x")) == (timedelta(days=36_500), timedelta(days=-36_500), timedelta(0))
