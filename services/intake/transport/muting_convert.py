"""Silences, maintenance windows and inhibit rules to protobuf and back."""

from collections.abc import Sequence
from datetime import datetime

from ballast.intake.v1 import inhibit_rule_pb2, maintenance_window_pb2, matcher_pb2, silence_pb2

from services.intake.domain import maintenance_window as windows
from services.intake.domain import silence as silences
from services.intake.domain.errors import MatchersRefused, MutingRefused
from services.intake.domain.inhibition import InhibitRule, InhibitRules
from services.intake.domain.maintenance_window import MaintenanceWindow, Occurrence, PlannedOccurrence
from services.intake.domain.matcher import Matcher, Matchers, Operator
from services.intake.domain.matcher_text import matcher_text, parse_matchers
from services.intake.domain.silence import Silence
from shared.errors import Violation
from shared.rpc.wellknown import duration_to_pb, time_to_pb
from shared.storage.etags import etag_of

_OPERATORS = dict(zip(Operator, (1, 2, 3, 4), strict=True))
_BY_NUMBER = {number: operator for operator, number in _OPERATORS.items()}


def matchers_from_pb(messages: Sequence[matcher_pb2.Matcher], field: str) -> Matchers:
    """Reads matchers given by their parts or as text. Raises MatchersRefused naming the one below `field` that cannot be read."""
    return tuple(each for index, message in enumerate(messages) for each in _matchers(message, f"{field}[{index}]"))


def _matchers(message: matcher_pb2.Matcher, field: str) -> Matchers:
    if not message.label:
        if not message.text:
            raise MatchersRefused([Violation(field, "is empty; give label, operator and value, or text")])
        return parse_matchers(message.text, f"{field}.text")
    if not message.operator:
        raise MatchersRefused([Violation(f"{field}.operator", "is not set; say how the label is compared")])
    return (Matcher(message.label, _BY_NUMBER[message.operator], message.value),)


def matcher_to_pb(matcher: Matcher) -> matcher_pb2.Matcher:
    number = _OPERATORS[matcher.operator]
    return matcher_pb2.Matcher(label=matcher.label, operator=number, value=matcher.value, text=matcher_text(matcher))  # type: ignore[arg-type]


def silence_to_pb(silence: Silence, now: datetime, *, is_stored: bool = True) -> silence_pb2.Silence:
    """Returns the silence as it stands at `now`; without what only storing gives it where it is not stored."""
    return silence_pb2.Silence(
        name=silence.name if is_stored else "",
        version=silence.version,
        matchers=[matcher_to_pb(each) for each in silence.matchers],
        starts_at=time_to_pb(silence.starts_at),
        ends_at=time_to_pb(silence.ends_at),
        reason=silence.reason,
        author=silence.author,
        state=silences.state_of(silence, now).value,  # type: ignore[arg-type]  # the numbers are the contract's
        change=silence.change.value,  # type: ignore[arg-type]
        changed_by=silence.changed_by,
        change_reason=silence.change_reason,
        etag=etag_of(silence.version) if is_stored else "",
        create_time=time_to_pb(silence.created_at),
        update_time=time_to_pb(silence.updated_at),
    )


def wall_time_from_pb(text: str) -> datetime | None:
    """Reads a wall time of the contract's shape; None where it is empty. Raises MutingRefused for a day or hour that there is not."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise MutingRefused([Violation("starts_at", f"{text} is no time of the calendar; write it as 2026-03-29T02:30")]) from None


def window_to_pb(window: MaintenanceWindow, now: datetime, *, is_stored: bool = True) -> maintenance_window_pb2.MaintenanceWindow:
    """Returns the window as it stands at `now`; without what only storing gives it where it is not stored."""
    return maintenance_window_pb2.MaintenanceWindow(
        name=window.name if is_stored else "",
        version=window.version,
        matchers=[matcher_to_pb(each) for each in window.matchers],
        starts_at=window.schedule.starts_at.isoformat(timespec="auto" if window.schedule.starts_at.second else "minutes"),
        time_zone=window.schedule.time_zone,
        duration=duration_to_pb(window.schedule.duration),
        rrule=window.schedule.rrule,
        reason=window.reason,
        approver=window.approver,
        author=window.author,
        state=windows.state_of(window, now).value,  # type: ignore[arg-type]  # the numbers are the contract's
        ends_at=time_to_pb(window.ends_at),
        cancelled_at=time_to_pb(window.cancelled_at),
        change=window.change.value,  # type: ignore[arg-type]
        changed_by=window.changed_by,
        change_reason=window.change_reason,
        etag=etag_of(window.version) if is_stored else "",
        create_time=time_to_pb(window.created_at),
        update_time=time_to_pb(window.updated_at),
    )


def upcoming_to_pb(
    window: MaintenanceWindow, occurrences: Sequence[Occurrence], *, is_stored: bool = True
) -> list[maintenance_window_pb2.MaintenanceOccurrence]:
    return [_occurrence(window, each, is_stored=is_stored) for each in occurrences]


def planned_to_pb(planned: PlannedOccurrence) -> maintenance_window_pb2.MaintenanceOccurrence:
    return _occurrence(planned.window, planned.occurrence)


def rules_from_pb(messages: Sequence[inhibit_rule_pb2.InhibitRule]) -> tuple[InhibitRule, ...]:
    return tuple(
        InhibitRule(
            each.name,
            matchers_from_pb(each.source, f"rules[{index}].source"),
            matchers_from_pb(each.target, f"rules[{index}].target"),
            tuple(each.equal),
        )
        for index, each in enumerate(messages)
    )


def rules_to_pb(rules: InhibitRules, *, is_stored: bool = True) -> inhibit_rule_pb2.InhibitRules:
    built = [
        inhibit_rule_pb2.InhibitRule(
            name=each.name,
            source=[matcher_to_pb(matcher) for matcher in each.source],
            target=[matcher_to_pb(matcher) for matcher in each.target],
            equal=each.equal,
        )
        for each in rules.rules
    ]
    return inhibit_rule_pb2.InhibitRules(
        revision=rules.revision,
        rules=built,
        author=rules.author,
        reason=rules.reason,
        etag=etag_of(rules.revision) if is_stored else "",
        create_time=time_to_pb(rules.created_at) if rules.revision else None,
    )


def _occurrence(
    window: MaintenanceWindow, occurrence: Occurrence, *, is_stored: bool = True
) -> maintenance_window_pb2.MaintenanceOccurrence:
    return maintenance_window_pb2.MaintenanceOccurrence(
        maintenance_window=window.name if is_stored else "",
        version=window.version,
        starts_at=time_to_pb(occurrence.starts_at),
        ends_at=time_to_pb(occurrence.ends_at),
        reason=window.reason,
        approver=window.approver,
    )
