"""Evidence: what alerts' annotations, and their own coming and going, say of an incident; the worst value of any alert counts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import Any

PREFIX = "ballast."


class ServiceImpact(IntEnum):
    UNSPECIFIED = 0
    INFORMATION = 1
    DISRUPTION = 2
    OUTAGE = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """Facts about an incident's impact; None means that no alert gave one, which is not the same as zero or false."""

    users_affected: int | None = None
    service_impact: ServiceImpact = ServiceImpact.UNSPECIFIED
    data_loss: bool | None = None
    security: bool | None = None
    safety: bool | None = None
    workaround: bool | None = None
    burn_rate: float | None = None
    recent_change: bool | None = None
    redundancy_left: float | None = None  # share, 0 to 1
    flap_count: int | None = None  # how often the signal that did so most began again; None while none did


NO_EVIDENCE = Evidence()
_FIELDS = tuple(each.name for each in fields(Evidence))
_NOTHING = {"service_impact": 0}
# A workaround that one alert denies is none, and what one alert holds for lost is not left.
_LESS_IS_WORSE = {"workaround", "redundancy_left"}


def read_evidence(annotations: Mapping[str, str]) -> tuple[Evidence, tuple[str, ...]]:
    """Reads annotations `ballast.<field>`; returns what they say, and a line for each that could not be used."""
    if not any(key.startswith(PREFIX) for key in annotations):
        return NO_EVIDENCE, ()
    found: dict[str, Any] = {}
    warnings = []
    for key, value in sorted(annotations.items()):
        if not key.startswith(PREFIX):
            continue
        field = key.removeprefix(PREFIX)
        reader = _READERS.get(field)
        if reader is None:
            warnings.append(f"annotation {key} is not used: known are {', '.join(PREFIX + name for name in _READERS)}")
            continue
        try:
            found[field] = reader(value.strip())
        except ValueError as error:
            warnings.append(f"annotation {key} is not used: {error}")
    return Evidence(**found), tuple(warnings)


def flapped(times: int) -> Evidence:
    """Returns what it says that a signal began again so often."""
    return Evidence(flap_count=times) if times else NO_EVIDENCE


def merge(left: Evidence, right: Evidence) -> Evidence:
    """Returns the worst of both, field by field. Associative and commutative, so that the order of alerts does not matter."""
    if right is NO_EVIDENCE or left == right:
        return left
    return Evidence(**{field.name: _worse(field.name, getattr(left, field.name), getattr(right, field.name)) for field in fields(Evidence)})


def evidence_to_json(evidence: Evidence) -> dict[str, Any]:
    if evidence == NO_EVIDENCE:
        return dict(_NOTHING)
    # Not by asdict, which copies values that cannot be changed, and takes ten times as long.
    return {name: value for name in _FIELDS if (value := getattr(evidence, name)) is not None}


def evidence_from_json(stored: Mapping[str, Any]) -> Evidence:
    if stored == _NOTHING:
        return NO_EVIDENCE
    # A newer version may have written what this one does not know.
    read = Evidence(**{name: value for name, value in stored.items() if name in _FIELDS})
    return replace(read, service_impact=ServiceImpact(read.service_impact))


def _worse(name: str, left: Any, right: Any) -> Any:
    if left is None or right is None:
        return right if left is None else left
    return min(left, right) if name in _LESS_IS_WORSE else max(left, right)


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 12:
        raise ValueError("must be a whole number, as 1200")
    return int(text)


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("must be a number, as 14.4") from None
    if not 0 <= value < 1e9:
        raise ValueError("must be a number of at least 0, as 14.4")
    return value


def _share(text: str) -> float:
    """Reads `0.5`, or `1/3` as one of three is left; to the hundredth, as alerts that count replicas would differ by less."""
    part, slash, whole = text.partition("/")
    try:
        value = float(part) / float(whole) if slash else float(part)
    except (ValueError, ZeroDivisionError):
        value = -1.0
    if not 0 <= value <= 1:
        raise ValueError("must be a share from 0 to 1, as 0.5, or how many of how many are left, as 2/3")
    return round(value, 2)


def _yes(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError("must be true or false")
    return text.lower() == "true"


def _impact(text: str) -> ServiceImpact:
    try:
        return {"information": ServiceImpact.INFORMATION, "disruption": ServiceImpact.DISRUPTION, "outage": ServiceImpact.OUTAGE}[
            text.lower()
        ]
    except KeyError:
        raise ValueError("must be outage, disruption or information") from None


_READERS: dict[str, Callable[[str], Any]] = {
    "users_affected": _count,
    "service_impact": _impact,
    "data_loss": _yes,
    "security": _yes,
    "safety": _yes,
    "workaround": _yes,
    "burn_rate": _rate,
    "recent_change": _yes,
    "redundancy_left": _share,
}
