"""Incidents: how one opens, gathers alerts, is taken, and ends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.intake.domain.errors import AlertsFiring, IncidentResolved
from services.intake.domain.evidence import Evidence, ServiceImpact
from services.intake.domain.incident import AlertsJoined, Incident, IncidentState, join, title_of
from services.intake.domain.incident_life import acknowledge, resolve

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def incident(**changes: Any) -> Incident:
    """An open incident of web with two alerts, both firing, since 9:00."""
    made = Incident(
        id=UUID(int=1),
        version=3,
        state=IncidentState.OPEN,
        title="slow",
        summary="",
        group_key="g",
        group_labels=(("component", "web"),),
        components=("web",),
        opened_at=NOW,
        acknowledged_at=None,
        resolved_at=None,
        last_ended_at=None,
        alert_count=2,
        firing_count=2,
        evidence=Evidence(),
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(made, **changes)


def joined(**changes: Any) -> AlertsJoined:
    return replace(AlertsJoined(0, 0, (), Evidence(), None, None), **changes)


def test_alerts_that_join_are_counted() -> None:
    after = join(incident(), joined(opened=2, first_start=at(5)), at(6))
    assert (after.alert_count, after.firing_count, after.state) == (4, 4, IncidentState.OPEN)
    assert (after.version, after.updated_at) == (4, at(6))


def test_an_alert_that_began_earlier_moves_the_opening_back() -> None:
    assert join(incident(), joined(opened=1, first_start=at(-5)), NOW).opened_at == at(-5)
    assert join(incident(), joined(opened=1, first_start=at(5)), NOW).opened_at == NOW


def test_components_of_all_its_alerts_are_named_once_and_sorted() -> None:
    assert join(incident(), joined(opened=1, components=("db",), first_start=NOW), NOW).components == ("db", "web")
    assert join(incident(), joined(opened=1, components=("web",), first_start=NOW), NOW).components == ("web",)


def test_the_worst_evidence_is_kept() -> None:
    before = incident(evidence=Evidence(users_affected=10, service_impact=ServiceImpact.OUTAGE))
    after = join(before, joined(evidence=Evidence(users_affected=90, service_impact=ServiceImpact.DISRUPTION)), NOW)
    assert after.evidence == Evidence(users_affected=90, service_impact=ServiceImpact.OUTAGE)


def test_it_stays_open_while_one_alert_fires() -> None:
    after = join(incident(), joined(resolved=1, last_end=at(4)), at(5))
    assert (after.state, after.firing_count, after.resolved_at, after.last_ended_at) == (IncidentState.OPEN, 1, None, at(4))


@pytest.mark.parametrize("state", [IncidentState.OPEN, IncidentState.ACKNOWLEDGED])
def test_it_resolves_when_its_last_firing_alert_ends(state: IncidentState) -> None:
    after = join(incident(state=state), joined(resolved=2, last_end=at(4)), at(5))
    assert (after.state, after.firing_count, after.resolved_at) == (IncidentState.RESOLVED, 0, at(4))


def test_it_ends_with_the_last_end_in_event_time_not_the_last_told() -> None:
    first = join(incident(), joined(resolved=1, last_end=at(9)), at(9))
    assert join(first, joined(resolved=1, last_end=at(4)), at(10)).resolved_at == at(9)


def test_alerts_that_open_and_end_in_one_batch_leave_it_resolved() -> None:
    new = incident(version=0, alert_count=0, firing_count=0)
    assert join(new, joined(opened=1, resolved=1, first_start=NOW, last_end=at(1)), at(2)).state is IncidentState.RESOLVED


def test_alerts_that_end_after_a_person_resolved_it_leave_its_end_alone() -> None:
    forced = incident(state=IncidentState.RESOLVED, resolved_at=at(3))
    after = join(forced, joined(resolved=2, last_end=at(30)), at(31))
    assert (after.state, after.resolved_at, after.firing_count, after.last_ended_at) == (IncidentState.RESOLVED, at(3), 0, at(30))


def test_taking_it_is_noted_once() -> None:
    taken = acknowledge(incident(), at(2), at(3))
    assert (taken.state, taken.acknowledged_at, taken.version, taken.updated_at) == (IncidentState.ACKNOWLEDGED, at(2), 4, at(3))
    assert acknowledge(taken, at(8), at(9)) is taken


def test_it_is_not_taken_before_it_opened() -> None:
    assert acknowledge(incident(), at(-2), NOW).acknowledged_at == NOW


def test_what_is_over_cannot_be_taken() -> None:
    with pytest.raises(IncidentResolved, match="a new firing of its alerts opens a new incident") as refused:
        acknowledge(incident(state=IncidentState.RESOLVED), NOW, NOW)
    assert (refused.value.reason, refused.value.metadata) == ("INCIDENT_RESOLVED", {"name": f"incidents/{UUID(int=1)}"})


def test_a_person_resolves_it_once_nothing_fires() -> None:
    over = resolve(incident(firing_count=0), at(7), at(8), force=False)
    assert (over.state, over.resolved_at, over.version, over.updated_at) == (IncidentState.RESOLVED, at(7), 4, at(8))


def test_firing_alerts_stand_in_the_way_and_are_counted() -> None:
    with pytest.raises(AlertsFiring, match="2 firing alerts; wait until they end, or resolve it with force") as refused:
        resolve(incident(), at(7), at(8), force=False)
    assert refused.value.metadata["firing_count"] == "2"


def test_force_resolves_it_while_alerts_fire() -> None:
    over = resolve(incident(), at(7), at(8), force=True)
    assert (over.state, over.firing_count) == (IncidentState.RESOLVED, 2)


def test_resolving_it_twice_changes_nothing() -> None:
    over = incident(state=IncidentState.RESOLVED, resolved_at=at(1))
    assert resolve(over, at(7), at(8), force=False) is over


def test_it_does_not_end_before_it_opened() -> None:
    assert resolve(incident(firing_count=0), at(-7), NOW, force=False).resolved_at == NOW


@pytest.mark.parametrize(
    ("labels", "annotations", "title"),
    [
        ({"alertname": "Slow"}, {"summary": "checkout is slow"}, "checkout is slow"),
        ({"alertname": "Slow"}, {"summary": ""}, "Slow"),
        ({"b": "2", "a": "1"}, {}, "a=1, b=2"),
        ({"a": "1"}, {"summary": "two\n lines\t here "}, "two lines here"),
        ({"a": "1"}, {"summary": "x" * 500}, "x" * 200),
    ],
)
def test_a_title_is_one_short_line(labels: dict[str, str], annotations: dict[str, str], title: str) -> None:
    assert title_of(tuple(labels.items()), tuple(annotations.items())) == title
