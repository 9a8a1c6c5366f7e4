"""The verdict of the endurance run: each promise, kept and broken."""

import dataclasses
from collections.abc import Callable

import pytest
from ballast.intake.v1 import alert_pb2, incident_pb2

from soak.senders import Sent
from soak.verdict import Stored, judge

FIRING, OVER = alert_pb2.ALERT_STATE_FIRING, alert_pb2.ALERT_STATE_RESOLVED
NOTES = {"incidents/1": ["looked at it"]}


def sent(number: int, incident: str, reports: int = 1, *, is_resolved: bool = False) -> Sent:
    return Sent(alert_pb2.AlertReport(), f"alerts/{number}", incident, reports, is_resolved)


def acknowledged() -> dict[str, Sent]:
    """Two alerts of an open incident, one of them over, and one of an incident that is over."""
    return {
        "f1": sent(1, "incidents/1", 3),
        "f2": sent(2, "incidents/1", 2, is_resolved=True),
        "f3": sent(3, "incidents/2", 2, is_resolved=True),
    }


def stored() -> Stored:
    alerts = [
        alert_pb2.Alert(name="alerts/1", fingerprint="f1", incident="incidents/1", state=FIRING, report_count=3),
        alert_pb2.Alert(name="alerts/2", fingerprint="f2", incident="incidents/1", state=OVER, report_count=2),
        alert_pb2.Alert(name="alerts/3", fingerprint="f3", incident="incidents/2", state=OVER, report_count=2),
    ]
    group = {"component": "group-1"}
    opened = incident_pb2.Incident(
        name="incidents/1", state=incident_pb2.INCIDENT_STATE_OPEN, group_labels=group, alert_count=2, firing_count=1
    )
    over = incident_pb2.Incident(name="incidents/2", state=incident_pb2.INCIDENT_STATE_RESOLVED, group_labels=group, alert_count=1)
    return Stored(alerts, [opened, over], NOTES, alert_rows=3, incident_rows=2, groups_with_two_unresolved=0)


def broken(found: Stored) -> list[str]:
    return [check.promise for check in judge(acknowledged(), NOTES, found) if not check.holds]


def test_what_was_acknowledged_and_is_stored_breaks_no_promise() -> None:
    assert broken(stored()) == []


def test_a_storm_s_incident_lasts_as_long_as_the_storm_even_without_alerts() -> None:
    found = stored()
    kind, state = incident_pb2.INCIDENT_KIND_STORM, incident_pb2.INCIDENT_STATE_OPEN
    storm = incident_pb2.Incident(name="incidents/3", kind=kind, state=state)
    assert broken(dataclasses.replace(found, incidents=[*found.incidents, storm], incident_rows=3)) == []


def change_alert(**values: object) -> Callable[[Stored], Stored]:
    def change(found: Stored) -> Stored:
        for name, value in values.items():
            setattr(found.alerts[0], name, value)
        return found

    return change


def change_incident(**values: object) -> Callable[[Stored], Stored]:
    def change(found: Stored) -> Stored:
        for name, value in values.items():
            setattr(found.incidents[1], name, value)
        return found

    return change


@pytest.mark.parametrize(
    ("promise", "breaking"),
    [
        ("no acknowledged alert lost", lambda found: dataclasses.replace(found, alerts=found.alerts[1:])),
        ("no alert stored twice", lambda found: dataclasses.replace(found, alerts=[*found.alerts, found.alerts[0]])),
        ("no alert that nobody sent", change_alert(fingerprint="f9")),
        ("each alert is the one, and in the incident, that its receipt named", change_alert(incident="incidents/2")),
        ("each alert is the one, and in the incident, that its receipt named", change_alert(name="alerts/9")),
        ("each alert fires or is over as last acknowledged", change_alert(state=OVER)),
        ("no report counted twice, and each that said something new counted", change_alert(report_count=4)),
        ("no report counted twice, and each that said something new counted", change_alert(report_count=0)),
        ("no group has two unresolved incidents", change_incident(state=incident_pb2.INCIDENT_STATE_ACKNOWLEDGED)),
        ("no group has two unresolved incidents", lambda found: dataclasses.replace(found, groups_with_two_unresolved=1)),
        ("each alert is in an incident that exists", lambda found: dataclasses.replace(found, incidents=found.incidents[:1])),
        ("each incident counts its alerts and those that fire", change_incident(alert_count=2)),
        ("each incident counts its alerts and those that fire", change_incident(firing_count=1)),
        ("an incident is over exactly when none of its alerts fires", change_incident(state=incident_pb2.INCIDENT_STATE_OPEN)),
        ("no acknowledged line of a time-line lost or doubled", lambda found: dataclasses.replace(found, notes={})),
        (
            "no acknowledged line of a time-line lost or doubled",
            lambda found: dataclasses.replace(found, notes={"incidents/1": ["looked at it"] * 2}),
        ),
        ("the lists show as many alerts and incidents as the tables hold", lambda found: dataclasses.replace(found, alert_rows=4)),
        ("the lists show as many alerts and incidents as the tables hold", lambda found: dataclasses.replace(found, incident_rows=1)),
    ],
)
def test_each_promise_can_be_broken(promise: str, breaking: Callable[[Stored], Stored]) -> None:
    assert promise in broken(breaking(stored()))
