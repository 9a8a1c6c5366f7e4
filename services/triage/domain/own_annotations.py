"""What an entity says for Ballast alone: labels and annotations under `ballast.dev/`, and OpenTelemetry's `service.criticality`."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from services.triage.domain.component import Tier
from services.triage.domain.entity_reader import EntityReader, is_null
from services.triage.domain.severity_floor import SeverityFloor, floors_from_text
from shared.business_hours import BusinessHours
from shared.business_hours_text import TextRefused, holidays_from_text, hours_from_text
from shared.money import Money
from shared.yaml_tree import Node

PREFIX = "ballast.dev/"
# https://opentelemetry.io/docs/specs/semconv/registry/attributes/service/: these four are well known, and others may be used.
CRITICALITY = "service.criticality"
_NOTHING = {"", "unknown"}
_REVENUE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s+([A-Z]{3})")
_COUNT = re.compile(r"\d{1,15}")


def is_own(key: str) -> bool:
    return key.startswith(PREFIX) or key == CRITICALITY


def own_values(reader: EntityReader, metadata: Mapping[str, Node]) -> dict[str, Any]:
    """Returns the fields of a component that the document speaks of, by name; None for one it says is unknown."""
    told = _told(reader, metadata)
    found: dict[str, Any] = {}
    for key, read in _READERS.items():
        if key in told:
            node, path = told[key]
            text = "" if is_null(node) else reader.scalar(node, path)
            try:
                found[_FIELDS[key]] = _UNKNOWN.get(key) if text in _NOTHING else read(text)
            except TextRefused as refused:
                reader.refuse(node, path, str(refused))
    if "tier" not in found and CRITICALITY in told:
        _read_criticality(reader, *told[CRITICALITY], found)
    return _with_holidays(reader, told, found)


def _told(reader: EntityReader, metadata: Mapping[str, Node]) -> dict[str, tuple[Node, str]]:
    """Returns what stands under our prefix, in annotations or else in labels, with where; refuses what nobody knows there."""
    told: dict[str, tuple[Node, str]] = {}
    for part in ("annotations", "labels"):
        for key, node in _entries(reader, metadata, part).items():
            path = f"metadata.{part}[{key}]"
            short = key.removeprefix(PREFIX)
            if is_own(key) and short not in (*_READERS, "holidays", CRITICALITY):
                near = get_close_matches(short, [*_READERS, "holidays"], 1)
                known = f"did you mean {PREFIX}{near[0]}?" if near else f"known are {', '.join([*_READERS, 'holidays'])}"
                reader.refuse(node, path, f"is nothing Ballast knows; {known}")
            elif is_own(key):
                told.setdefault(short, (node, path))
    return told


def _entries(reader: EntityReader, metadata: Mapping[str, Node], part: str) -> dict[str, Node]:
    node = metadata.get(part)
    if node is None:
        return {}
    entries = getattr(node, "entries", None)
    if entries is None:
        reader.refuse(node, f"metadata.{part}", "must be a mapping of names to values")
        return {}
    return {key.text: value for key, value in entries}


def _read_criticality(reader: EntityReader, node: Node, path: str, found: dict[str, Any]) -> None:
    text = reader.scalar(node, path).upper()
    if text in Tier.__members__:
        found["tier"] = Tier[text]
    else:
        reader.note(node, path, f"is {text.lower()[:32]!r}, none of critical, high, medium and low; the tier is left as it is")


def _with_holidays(reader: EntityReader, told: Mapping[str, tuple[Node, str]], found: dict[str, Any]) -> dict[str, Any]:
    if "holidays" not in told:
        return found
    node, path = told["holidays"]
    text = "" if is_null(node) else reader.scalar(node, path)
    try:
        days: tuple[date, ...] = () if text in _NOTHING else holidays_from_text(text)
    except TextRefused as refused:
        reader.refuse(node, path, str(refused))
        return found
    hours: BusinessHours | None = found.get("business_hours")
    if hours is None:
        reader.refuse(node, path, f"stand without business hours; say them in {PREFIX}business-hours too")
        return found
    return found | {"business_hours": BusinessHours(hours.time_zone, hours.days, hours.opens, hours.closes, days)}


def _tier(text: str) -> Tier:
    if text.upper() not in Tier.__members__:
        raise TextRefused(f"is {text[:32]!r}; write critical, high, medium or low")
    return Tier[text.upper()]


def _revenue(text: str) -> Money:
    found = _REVENUE.fullmatch(text)
    if found is None:
        raise TextRefused(f"is {text[:32]!r}; write an amount without separators and an ISO 4217 code, as 1200 USD")
    return Money(Decimal(found[1]), found[2])


def _users(text: str) -> int:
    if not _COUNT.fullmatch(text):
        raise TextRefused(f"is {text[:32]!r}; write a whole number without separators, as 50000")
    return int(text)


def _floors(text: str) -> tuple[SeverityFloor, ...]:
    try:
        return floors_from_text(text)
    except ValueError as error:
        raise TextRefused(str(error)) from None


_READERS: Mapping[str, Callable[[str], Any]] = {
    "tier": _tier,
    "revenue-per-minute": _revenue,
    "users": _users,
    "business-hours": hours_from_text,
    "severity-floors": _floors,
}
_UNKNOWN: Mapping[str, Any] = {"severity-floors": ()}  # None for the others
_FIELDS = {key: key.replace("-", "_") for key in _READERS}
