"""Severity floors: numbers of a component from which an incident of it is at least so bad, whatever the score says."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from services.triage.domain.scale import Value, text_of
from services.triage.domain.severity import Severity

REASON = "COMPONENT_THRESHOLD"
_TEXT = re.compile(r"(sev[1-5]) from (\d{1,15}(?:\.\d{1,6})?) (\w+)")


class Measure(IntEnum):
    """What is counted; the names are those of the model's features."""

    USERS_AFFECTED = 1
    BURN_RATE = 2
    ALERT_COUNT = 3

    @property
    def feature(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class SeverityFloor:
    """From `at_least` of a measure on, the severity is this one or worse."""

    severity: Severity
    measure: Measure
    at_least: float

    def holds(self, readings: Mapping[str, Value | None]) -> bool:
        """Whether it is reached; never by what is unknown."""
        found = readings.get(self.measure.feature)
        return isinstance(found, int | float) and found >= self.at_least

    @property
    def text(self) -> str:
        """As people write it, and `floors_from_text` reads it."""
        return f"{self.severity.name.lower()} from {self.at_least:.15g} {self.measure.feature}"

    def explained(self, component: str, readings: Mapping[str, Value | None]) -> str:
        found = readings[self.measure.feature]
        assert found is not None  # or it would not hold
        noun = self.measure.feature.replace("_", " ")
        return f"{component} is {self.severity.name} from {self.at_least:,.15g} {noun} on; it is {text_of(found)}"


def floors_from_text(text: str) -> tuple[SeverityFloor, ...]:
    """Reads `sev1 from 5000 users_affected, sev2 from 14.4 burn_rate`. Raises ValueError saying what to write."""
    floors = []
    for part in text.split(","):
        found = _TEXT.fullmatch(" ".join(part.lower().split()))
        if found is None or found[3].upper() not in Measure.__members__:
            known = ", ".join(each.feature for each in Measure)
            raise ValueError(f"{part.strip()[:48]!r} is no threshold; write as `sev1 from 5000 users_affected`, of {known}")
        floors.append(SeverityFloor(Severity[found[1].upper()], Measure[found[3].upper()], float(found[2])))
    return in_order(floors)


def in_order(floors: Iterable[SeverityFloor]) -> tuple[SeverityFloor, ...]:
    """Returns floors in the one order in which they are kept, so that the same floors are equal."""
    return tuple(sorted(set(floors), key=lambda each: (each.severity, each.measure, each.at_least)))
