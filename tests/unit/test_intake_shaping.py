"""Merging and splitting incidents: what each of them has afterwards."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.intake.domain.errors import IncidentMerged, MergeIntoItself, MergeIntoResolved, SplitLeavesNothing
from services.intake.domain.evidence import NO_EVIDENCE, Evidence
from services.intake.domain.incident import Incident, IncidentKind, IncidentState, Rating, Severity
from services.intake.domain.incident_life import Declaration, declare
from services.intake.domain.shaping import Tally, check_merge, left_over, merge_incidents, split_incident, split_off

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def incident(number: int = 1, **changes: Any) -> Incident:
    """An incident of web that alerts opened at 9:00: two alerts, one of which ended at 9:04."""
    made = declare(Declaration(f"incident {number}", "", ("web",), NOW, None, ""), UUID(int=number), NOW)
    fields: dict[str, Any] = {
        "kind": IncidentKind.ALERTS,
        "shaped": False,
        "alert_count": 2,
        "firing_count": 1,
        "last_started_at": at(2),
        "last_ended_at": at(4),
        "group_key": f"g{number}",
    }
    return replace(made, **(fields | changes))


def tally(alerts: int, firing: int, **changes: Any) -> Tally:
    return replace(Tally(alerts, firing, at(1), at(2), at(4) if alerts > firing else None, ("web",), NO_EVIDENCE), **changes)


def test_the_one_that_stays_has_what_all_had() -> None:
    other = incident(
        2, components=("db",), opened_at=at(-9), last_started_at=at(7), last_ended_at=None, evidence=Evidence(users_affected=9)
    )
    third = incident(3, evidence=Evidence(users_affected=4, security=True))
    survivor, merged = merge_incidents(incident(), [other, third], at(8), at(9))
    assert (survivor.alert_count, survivor.firing_count, survivor.components) == (6, 3, ("db", "web"))
    assert (survivor.opened_at, survivor.last_started_at, survivor.last_ended_at) == (at(-9), at(7), at(4))
    assert survivor.evidence == Evidence(users_affected=9, security=True)
    assert (survivor.version, survivor.shaped, survivor.state, survivor.title) == (2, True, IncidentState.OPEN, "incident 1")
    assert [(each.state, each.merged_into, each.alert_count, each.resolved_at) for each in merged] == [
        (IncidentState.RESOLVED, UUID(int=1), 0, at(8))
    ] * 2


def test_one_that_was_over_keeps_its_end_and_none_ends_before_it_began() -> None:
    over = incident(2, state=IncidentState.RESOLVED, resolved_at=at(3))
    late = incident(3, opened_at=at(5))
    merged = merge_incidents(incident(), [over, late], at(1), at(9))[1]
    assert [each.resolved_at for each in merged] == [at(3), at(5)]


def test_nothing_is_merged_into_itself() -> None:
    with pytest.raises(MergeIntoItself) as refused:
        check_merge(UUID(int=1), [UUID(int=2), UUID(int=1)])
    assert [each.field for each in refused.value.violations] == ["incidents[1]"]


def test_nothing_is_merged_into_what_is_over_or_was_merged_and_what_was_merged_not_again() -> None:
    gone = incident(2, state=IncidentState.RESOLVED, resolved_at=at(3), merged_into=UUID(int=7))
    with pytest.raises(MergeIntoResolved):
        merge_incidents(incident(3, state=IncidentState.RESOLVED, resolved_at=at(3)), [incident()], NOW, NOW)
    for into, other in ((gone, incident()), (incident(), gone)):
        with pytest.raises(IncidentMerged, match=f"incidents/{UUID(int=7)}"):
            merge_incidents(into, [other], NOW, NOW)


def test_a_split_off_incident_is_a_new_one_of_its_own_group_with_nothing_said_of_it_yet() -> None:
    source = incident(acknowledged_at=at(3), state=IncidentState.MITIGATED, mitigated_at=at(4), rating=Rating(Severity.SEV1, "", "", NOW))
    new = split_off(split_incident(source, " its own ", UUID(int=5), at(9)), tally(1, 1, first_start=at(6)), at(9))
    assert (new.name, new.version, new.title, new.group_key) == (f"incidents/{UUID(int=5)}", 1, "its own", f"split:{UUID(int=5)}")
    assert (new.state, new.acknowledged_at, new.mitigated_at, new.rating) == (IncidentState.ACKNOWLEDGED, at(6), None, None)
    assert (new.opened_at, new.created_at, new.alert_count, new.firing_count) == (at(6), at(9), 1, 1)
    assert split_incident(source, "", UUID(int=5), NOW).title == "incident 1"


def test_what_is_split_off_is_over_when_none_of_it_fires() -> None:
    new = split_off(split_incident(incident(), "", UUID(int=5), NOW), tally(2, 0), at(9))
    assert (new.state, new.resolved_at) == (IncidentState.RESOLVED, at(4))


def test_the_old_incident_is_counted_anew_and_stands_as_it_stood() -> None:
    kept = tally(1, 0, first_start=at(2), components=("web",), evidence=Evidence(workaround=True))
    old = left_over(incident(components=("db", "web")), kept, tally(1, 1, components=("db",)), at(9))
    assert (old.alert_count, old.firing_count, old.state, old.components) == (1, 0, IncidentState.OPEN, ("web",))
    assert (old.opened_at, old.last_ended_at, old.evidence) == (at(2), at(4), Evidence(workaround=True))
    assert (old.version, old.shaped) == (2, True)


def test_the_old_incident_does_not_begin_after_it_was_taken() -> None:
    old = left_over(incident(acknowledged_at=at(1)), tally(1, 1, first_start=at(2)), tally(1, 0), at(9))
    assert old.opened_at == at(1)


def test_a_storm_s_incident_began_when_the_storm_did_whatever_is_split_from_it() -> None:
    old = left_over(incident(kind=IncidentKind.STORM), tally(1, 1, first_start=at(2)), tally(1, 0), at(9))
    assert old.opened_at == at(0)


def test_a_split_leaves_at_least_one_alert_unless_a_person_declared_the_incident() -> None:
    nothing = Tally(0, 0, None, None, None, (), NO_EVIDENCE)
    with pytest.raises(SplitLeavesNothing):
        left_over(incident(), nothing, tally(2, 1), at(9))
    old = left_over(incident(kind=IncidentKind.DECLARED), nothing, tally(2, 1), at(9))
    assert (old.alert_count, old.components, old.opened_at) == (0, ("web",), NOW)
