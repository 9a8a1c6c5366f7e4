"""The verdict: what is stored, beside what was acknowledged."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ballast.intake.v1 import alert_pb2, incident_pb2

from soak.senders import Sent

_RESOLVED_ALERT = alert_pb2.ALERT_STATE_RESOLVED
_RESOLVED = incident_pb2.INCIDENT_STATE_RESOLVED


@dataclass(frozen=True, slots=True)
class Stored:
    """All that intake lists, and what SQL counts in its tables."""

    alerts: Sequence[alert_pb2.Alert]
    incidents: Sequence[incident_pb2.Incident]
    notes: Mapping[str, Sequence[str]]  # by incident, of those that were written on
    alert_rows: int
    incident_rows: int
    groups_with_two_unresolved: int


@dataclass(frozen=True, slots=True)
class Check:
    """One promise: how often it was broken, and the first few places where."""

    promise: str
    broken: Sequence[str]

    @property
    def holds(self) -> bool:
        return not self.broken


def judge(acknowledged: Mapping[str, Sent], notes: Mapping[str, Sequence[str]], stored: Stored) -> list[Check]:
    """Returns every promise with what breaks it. All that was sent had been acknowledged when `stored` was read."""
    return [
        *_of_alerts(acknowledged, stored),
        *_of_incidents(stored),
        Check("no acknowledged line of a time-line lost or doubled", _broken_notes(notes, stored.notes)),
        Check("the lists show as many alerts and incidents as the tables hold", _broken_counts(stored)),
    ]


def _of_alerts(acknowledged: Mapping[str, Sent], stored: Stored) -> list[Check]:
    found = {each.fingerprint: each for each in stored.alerts}
    lost = [sent.alert for fingerprint, sent in acknowledged.items() if fingerprint not in found]
    pairs = [(sent, found[fingerprint]) for fingerprint, sent in acknowledged.items() if fingerprint in found]
    times = Counter(each.fingerprint for each in stored.alerts)
    elsewhere = [each.name for sent, each in pairs if (each.name, each.incident) != (sent.alert, sent.incident)]
    miscounted = [f"{each.name}: {each.report_count} of {sent.reports}" for sent, each in pairs if not _is_counted(sent, each)]
    return [
        Check("no acknowledged alert lost", lost),
        Check("no alert stored twice", [fingerprint for fingerprint, count in times.items() if count > 1]),
        Check("no alert that nobody sent", [each.name for each in stored.alerts if each.fingerprint not in acknowledged]),
        Check("each alert is the one, and in the incident, that its receipt named", elsewhere),
        Check(
            "each alert fires or is over as last acknowledged", [each.name for sent, each in pairs if sent.is_resolved != _is_over(each)]
        ),
        Check("no report counted twice, and each that said something new counted", miscounted),
    ]


def _of_incidents(stored: Stored) -> list[Check]:
    unresolved = Counter(str(sorted(each.group_labels.items())) for each in stored.incidents if each.state != _RESOLVED)
    doubled = [group for group, count in unresolved.items() if count > 1]
    doubled += [f"{stored.groups_with_two_unresolved} groups by SQL"] if stored.groups_with_two_unresolved else []
    alerts = Counter(each.incident for each in stored.alerts)
    firing = Counter(each.incident for each in stored.alerts if not _is_over(each))
    known = {each.name for each in stored.incidents}
    return [
        Check("no group has two unresolved incidents", doubled),
        Check("each alert is in an incident that exists", [name for name in alerts if name not in known]),
        Check(
            "each incident counts its alerts and those that fire",
            [each.name for each in stored.incidents if (each.alert_count, each.firing_count) != (alerts[each.name], firing[each.name])],
        ),
        Check(
            "an incident is over exactly when none of its alerts fires",
            [
                each.name
                for each in stored.incidents
                if (each.state == _RESOLVED) != (firing[each.name] == 0)
                # A storm's lasts as long as the storm, also with no alert of its own.
                and not (each.kind == incident_pb2.INCIDENT_KIND_STORM and firing[each.name] == 0)
            ],
        ),
    ]


def _is_counted(sent: Sent, alert: alert_pb2.Alert) -> bool:
    """Repeats of the last second before a crash may go uncounted, as the contract says; an opening and an end may not."""
    return 1 + sent.is_resolved <= alert.report_count <= sent.reports


def _is_over(alert: alert_pb2.Alert) -> bool:
    return alert.state == _RESOLVED_ALERT


def _broken_notes(acknowledged: Mapping[str, Sequence[str]], stored: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        f"{incident}: {text} {times[text]} times"
        for incident, texts in acknowledged.items()
        for times in [Counter(stored.get(incident, ()))]
        for text in texts
        if times[text] != 1
    ]


def _broken_counts(stored: Stored) -> list[str]:
    pairs = (("alerts", len(stored.alerts), stored.alert_rows), ("incidents", len(stored.incidents), stored.incident_rows))
    return [f"{listed} {what} listed, {rows} rows" for what, listed, rows in pairs if listed != rows]
