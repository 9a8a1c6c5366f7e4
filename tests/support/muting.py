"""Builders of silences, maintenance windows and inhibit rules."""

from datetime import datetime, timedelta
from uuid import uuid4

from services.intake.domain.inhibition import InhibitRule, InhibitRules
from services.intake.domain.maintenance_window import MaintenanceWindow, Schedule, WindowChange
from services.intake.domain.matcher_text import parse_matchers
from services.intake.domain.silence import Silence, SilenceChange
from tests.conftest import START


def silence(matchers: str, begin: float = 0, end: float = 3600, *, reason: str = "the disk is on order") -> Silence:
    """Builds an unchecked silence; times in seconds after START."""
    starts_at, ends_at = START + timedelta(seconds=begin), START + timedelta(seconds=end)
    read = parse_matchers(matchers, "matchers")
    return Silence(uuid4(), 1, read, starts_at, ends_at, reason, "ada", SilenceChange.CREATED, "ada", "", START, START)


def window(
    rrule: str = "",
    starts_at: datetime = datetime(2026, 3, 2, 10),  # noqa: DTZ001 - a wall time
    *,
    matchers: str = "component=checkout",
    time_zone: str = "UTC",
    hours: float = 2,
    approver: str = "grace",
) -> MaintenanceWindow:
    """Builds an unchecked window."""
    return MaintenanceWindow(
        id=uuid4(),
        version=1,
        matchers=parse_matchers(matchers, "matchers"),
        schedule=Schedule(starts_at, time_zone, timedelta(hours=hours), rrule),
        reason="the database is moved",
        approver=approver,
        author="ada",
        change=WindowChange.CREATED,
        changed_by="ada",
        change_reason="",
        cancelled_at=None,
        created_at=START,
        updated_at=START,
    )


def rule(source: str, target: str, *equal: str, name: str = "rule") -> InhibitRule:
    return InhibitRule(name, parse_matchers(source, "source"), parse_matchers(target, "target"), equal)


def rules(*each: InhibitRule, reason: str = "the network explains it") -> InhibitRules:
    return InhibitRules(1, each, "ada", reason, START)
