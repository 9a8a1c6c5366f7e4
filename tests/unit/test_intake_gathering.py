"""Gathering: what alerts that begin, end and begin again make of the incident they are in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.episode import Episode
from services.intake.domain.evidence import NO_EVIDENCE, Evidence
from services.intake.domain.gathering import Gathered, belongs, gather, leaves_gap, reaches_back
from services.intake.domain.incident import Incident, IncidentKind, IncidentState
from services.intake.usecases.joining import Joining

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
QUIET = timedelta(seconds=60)


def at(second: float) -> datetime:
    return datetime(2026, 3, 2, 9, tzinfo=UTC) + timedelta(seconds=second)


def incident(**changes: Any) -> Incident:
    """Builds an open incident with one alert that fires since 100, and a quiet period of a minute."""
    made = Incident(
        id=UUID(int=7),
        version=3,
        state=IncidentState.OPEN,
        title="slow",
        summary="",
        group_key="web",
        group_labels=(("component", "web"),),
        components=("web",),
        opened_at=at(100),
        acknowledged_at=None,
        resolved_at=None,
        last_ended_at=None,
        alert_count=1,
        firing_count=1,
        evidence=NO_EVIDENCE,
        created_at=NOW,
        updated_at=NOW,
        quiet_period=QUIET,
        last_started_at=at(100),
    )
    return replace(made, **changes)


def over(**changes: Any) -> Incident:
    """Builds an incident that was over at 200."""
    return incident(**{"state": IncidentState.RESOLVED, "firing_count": 0, "resolved_at": at(200), "last_ended_at": at(200)} | changes)


# What belongs.


def test_whatever_begins_while_an_incident_lasts_belongs_to_it() -> None:
    assert belongs(incident(), at(0))
    assert belongs(incident(), at(99_999))
    assert belongs(incident(shaped=True), at(99_999))


@pytest.mark.parametrize(("begin", "belonging"), [(0, True), (200, True), (260, True), (260.001, False)])
def test_after_its_end_an_alert_belongs_until_the_quiet_period_is_over(begin: float, belonging: bool) -> None:
    assert belongs(over(), at(begin)) is belonging


def test_without_a_quiet_period_an_alert_belongs_that_begins_at_the_end() -> None:
    without = over(quiet_period=timedelta(0))
    assert belongs(without, at(200))
    assert not belongs(without, at(200.001))


def test_the_end_of_alerts_counts_and_not_when_a_person_resolved_it() -> None:
    assert not belongs(over(resolved_at=at(900)), at(800))
    assert belongs(over(last_ended_at=None), at(260))


@pytest.mark.parametrize(
    "changes", [{"shaped": True}, {"merged_into": UUID(int=8)}, {"kind": IncidentKind.STORM}, {"kind": IncidentKind.DECLARED}]
)
def test_what_people_or_a_storm_made_stays_over(changes: dict[str, Any]) -> None:
    assert not belongs(over(**changes), at(210))


# What event time has to look at again.


@pytest.mark.parametrize(("begin", "back"), [(99, True), (100, False), (101, False)])
def test_an_alert_that_begins_before_its_incident_may_reach_an_earlier_one(begin: int, back: bool) -> None:
    assert reaches_back(incident(), at(begin)) is back


def test_nothing_reaches_back_from_what_people_shaped() -> None:
    assert not reaches_back(incident(shaped=True), at(0))
    assert not leaves_gap(incident(shaped=True, last_started_at=at(900)), at(100))


@pytest.mark.parametrize(("end", "gap"), [(100, True), (139, True), (140, False), (300, False)])
def test_an_end_leaves_a_gap_where_the_next_alert_began_after_the_quiet_period(end: int, gap: bool) -> None:
    assert leaves_gap(incident(last_started_at=at(200)), at(end)) is gap


def test_an_end_leaves_no_gap_where_no_other_alert_began() -> None:
    assert not leaves_gap(incident(), at(150))
    assert not leaves_gap(incident(last_started_at=None), at(150))


# What it makes.


def test_an_incident_ends_with_its_last_firing_alert() -> None:
    ended = gather(incident(), Gathered(resolved=1, last_end=at(180)), NOW)
    assert (ended.state, ended.resolved_at, ended.last_ended_at, ended.firing_count) == (IncidentState.RESOLVED, at(180), at(180), 0)
    assert ended.version == 4


def test_while_another_alert_fires_an_end_changes_no_state() -> None:
    still = gather(incident(alert_count=2, firing_count=2), Gathered(resolved=1, last_end=at(180)), NOW)
    assert (still.state, still.resolved_at, still.last_ended_at, still.firing_count) == (IncidentState.OPEN, None, at(180), 1)


def test_it_ends_at_the_latest_end_it_was_told_of() -> None:
    ended = gather(incident(last_ended_at=at(500)), Gathered(resolved=1, last_end=at(180)), NOW)
    assert ended.resolved_at == at(500)


def test_an_alert_that_was_over_when_it_was_told_of_moves_the_end_of_an_incident_that_was_over() -> None:
    later = gather(over(), Gathered(opened=1, resolved=1, first_start=at(220), last_start=at(220), last_end=at(230)), NOW)
    assert (later.state, later.resolved_at, later.alert_count, later.firing_count) == (IncidentState.RESOLVED, at(230), 2, 0)


def test_one_that_ends_and_one_that_begins_in_a_batch_leave_it_open() -> None:
    after = gather(incident(), Gathered(opened=1, resolved=1, last_end=at(180), first_start=at(170), last_start=at(170)), NOW)
    assert (after.state, after.alert_count, after.firing_count, after.last_started_at) == (IncidentState.OPEN, 2, 1, at(170))


@pytest.mark.parametrize("brought", [Gathered(opened=1, first_start=at(220)), Gathered(refired=1, first_start=at(205))])
def test_it_is_open_again_when_an_alert_fires_again(brought: Gathered) -> None:
    again = gather(over(), brought, NOW)
    assert (again.state, again.resolved_at, again.firing_count, again.last_ended_at) == (IncidentState.OPEN, None, 1, at(200))


def test_open_again_it_is_still_taken_by_whoever_had_taken_it() -> None:
    again = gather(over(acknowledged_at=at(120)), Gathered(opened=1, first_start=at(220)), NOW)
    assert again.state is IncidentState.ACKNOWLEDGED


def test_what_people_made_of_a_lasting_incident_stays() -> None:
    taken = incident(state=IncidentState.MITIGATED, acknowledged_at=at(110), mitigated_at=at(120))
    assert gather(taken, Gathered(opened=1, first_start=at(130)), NOW).state is IncidentState.MITIGATED


def test_a_description_alone_neither_ends_nor_opens_it() -> None:
    told = Evidence(users_affected=3)
    for before in (incident(), over()):
        after = gather(before, Gathered(evidence=told), NOW)
        assert (after.state, after.resolved_at, after.evidence) == (before.state, before.resolved_at, told)


def test_it_opened_when_its_first_alert_began() -> None:
    assert gather(incident(), Gathered(opened=1, first_start=at(50), last_start=at(50)), NOW).opened_at == at(50)
    later = gather(incident(), Gathered(opened=1, first_start=at(150), last_start=at(160)), NOW)
    assert (later.opened_at, later.last_started_at) == (at(100), at(160))


def test_components_are_gathered_in_order_and_once() -> None:
    assert gather(incident(), Gathered(opened=1, components=("web", "api")), NOW).components == ("api", "web")


@given(st.lists(st.sampled_from(["open", "end"]), max_size=12))
def test_counts_follow_what_opens_and_ends_and_it_is_over_exactly_when_nothing_fires(deeds: list[str]) -> None:
    held, firing = incident(), 1
    for number, deed in enumerate(deeds):
        if deed == "end" and not firing:
            continue
        firing += 1 if deed == "open" else -1
        when = at(300 + number)
        brought = Gathered(opened=1, first_start=when, last_start=when) if deed == "open" else Gathered(resolved=1, last_end=when)
        held = gather(held, brought, NOW)
        assert held.firing_count == firing
        assert (held.state is IncidentState.RESOLVED) == (firing == 0) == (held.resolved_at is not None)


# Alerts whose past changed.


def life(begin: int, end: int | None = None) -> Episode:
    return Episode((at(begin),), (at(end),) if end is not None else ())


@pytest.mark.parametrize(
    ("before", "after", "alerts", "firing"),
    [
        (life(100), life(100, 150), 2, 1),
        (life(100, 150), life(100), 2, 3),
        (life(100, 150), life(100, 160), 2, 2),
        (life(100), life(90), 2, 2),
        (life(100), None, 1, 1),
        (life(100, 150), None, 1, 2),
    ],
    ids=["it ended", "it fires after all", "it ended later", "it began earlier", "it was another's, firing", "it was another's, over"],
)
def test_an_alert_with_another_past_is_counted_as_it_is(before: Episode, after: Episode | None, alerts: int, firing: int) -> None:
    joining = Joining(incident(alert_count=2, firing_count=2), {})
    joining.revise(before, after)
    found = gather(joining.before, joining.brought, NOW)
    assert (found.alert_count, found.firing_count) == (alerts, firing)


def test_an_incident_whose_last_firing_alert_ended_in_the_past_is_over() -> None:
    joining = Joining(incident(), {})
    joining.revise(life(100), life(100, 150))
    assert joining.so_far(NOW).resolved_at == at(150)


def test_an_incident_whose_last_firing_alert_was_another_s_is_over() -> None:
    joining = Joining(incident(alert_count=2, last_ended_at=at(120)), {})
    joining.revise(life(100), None)
    assert (joining.so_far(NOW).state, joining.so_far(NOW).resolved_at) == (IncidentState.RESOLVED, at(120))
