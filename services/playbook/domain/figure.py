"""Figures and names as a bundle prints them: one form for each, the same on every machine, and safe to stand outside a data block."""

import re
from datetime import UTC, datetime, timedelta

from shared.money import Money

_ID = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NAME = re.compile(
    rf"(?:incidents|assessments|decisions)/{_UUID}"
    rf"|(?:components|teams|roadmapItems|allocationPolicies)/{_ID}"
    rf"|teams/{_ID}/sprints/[1-9]\d{{0,8}}"
)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,31}")
_CURRENCY = re.compile(r"[A-Z]{3}")


def name_figure(name: str) -> str | None:
    """Returns a resource name as it is, None when it is not one: it may then only be shown as data."""
    return name if NAME.fullmatch(name) else None


def word_figure(word: str) -> str | None:
    """Returns a machine's identifier as it is, None when it is not one."""
    return word if _WORD.fullmatch(word) else None


def version_figure(version: str) -> str | None:
    return version if _VERSION.fullmatch(version) else None


def time_figure(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if moment else None


def duration_figure(span: timedelta | None) -> str | None:
    """Returns a duration in days, or in hours and minutes below two days, such as `1 h 30 min`."""
    if span is None:
        return None
    sign = "-" if span < timedelta(0) else ""
    span = abs(span)
    if span >= timedelta(days=2):
        return f"{sign}{span / timedelta(days=1):.1f} days"
    hours, minutes = divmod(round(span / timedelta(minutes=1)), 60)
    parts = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * (bool(minutes) or not hours)
    return sign + " ".join(parts)


def money_figure(money: Money | None) -> str | None:
    return str(money) if money is not None and _CURRENCY.fullmatch(money.currency) else None


def share_figure(share: float) -> str:
    return f"{share * 100:.1f} %"


def hours_figure(hours: float) -> str:
    return f"{hours:.1f} h"


def points_figure(points: float) -> str:
    return f"{points:+.1f}"


def yes_or_no(answer: bool | None) -> str | None:
    return None if answer is None else "yes" if answer else "no"
