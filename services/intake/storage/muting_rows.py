"""Rows to silences, maintenance windows and inhibit rules, and back."""

from collections.abc import Sequence
from typing import Any

from services.intake.domain.inhibition import InhibitRule, InhibitRules
from services.intake.domain.maintenance_window import MaintenanceWindow, Schedule, WindowChange, starts_of
from services.intake.domain.matcher import Matcher, Matchers, Operator
from services.intake.domain.silence import Silence, SilenceChange


def silence_from_row(row: Any) -> Silence:
    return Silence(
        id=row.id,
        version=row.version,
        matchers=_matchers(row.matchers),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        reason=row.reason,
        author=row.author,
        change=SilenceChange(row.change),
        changed_by=row.changed_by,
        change_reason=row.change_reason,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def silence_to_row(silence: Silence) -> dict[str, Any]:
    return {
        "id": silence.id,
        "version": silence.version,
        "matchers": _json(silence.matchers),
        "starts_at": silence.starts_at,
        "ends_at": silence.ends_at,
        "reason": silence.reason,
        "author": silence.author,
        "change": silence.change.value,
        "changed_by": silence.changed_by,
        "change_reason": silence.change_reason,
        "created_at": silence.created_at,
        "updated_at": silence.updated_at,
    }


def window_from_row(row: Any) -> MaintenanceWindow:
    return MaintenanceWindow(
        id=row.id,
        version=row.version,
        matchers=_matchers(row.matchers),
        schedule=Schedule(row.starts_at, row.time_zone, row.duration, row.rrule),
        reason=row.reason,
        approver=row.approver,
        author=row.author,
        change=WindowChange(row.change),
        changed_by=row.changed_by,
        change_reason=row.change_reason,
        cancelled_at=row.cancelled_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def window_to_row(window: MaintenanceWindow) -> dict[str, Any]:
    return {
        "id": window.id,
        "version": window.version,
        "matchers": _json(window.matchers),
        "starts_at": window.schedule.starts_at,
        "time_zone": window.schedule.time_zone,
        "duration": window.schedule.duration,
        "rrule": window.schedule.rrule,
        "reason": window.reason,
        "approver": window.approver,
        "author": window.author,
        "cancelled_at": window.cancelled_at,
        "first_at": starts_of(window.schedule)[0],
        "ends_at": window.ends_at,
        "change": window.change.value,
        "changed_by": window.changed_by,
        "change_reason": window.change_reason,
        "created_at": window.created_at,
        "updated_at": window.updated_at,
    }


def rules_from_row(row: Any) -> InhibitRules:
    rules = tuple(
        InhibitRule(each["name"], _matchers(each["source"]), _matchers(each["target"]), tuple(each["equal"])) for each in row.rules
    )
    return InhibitRules(row.revision, rules, row.author, row.reason, row.created_at)


def rules_to_row(rules: InhibitRules) -> dict[str, Any]:
    document = [
        {"name": each.name, "source": _json(each.source), "target": _json(each.target), "equal": list(each.equal)} for each in rules.rules
    ]
    return {
        "revision": rules.revision,
        "rules": document,
        "author": rules.author,
        "reason": rules.reason,
        "created_at": rules.created_at,
    }


def _matchers(stored: Sequence[Sequence[str]]) -> Matchers:
    return tuple(Matcher(label, Operator(operator), value) for label, operator, value in stored)


def _json(matchers: Matchers) -> list[list[str]]:
    return [[each.label, each.operator.value, each.value] for each in matchers]
