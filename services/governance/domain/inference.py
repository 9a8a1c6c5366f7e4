"""Inference: edges that no event shows, each concluded by a rule that stands here with its name and how sure it is."""

import math
from collections.abc import Iterable
from datetime import timedelta

from services.governance.domain.drawing import Occurrence, Part
from services.governance.domain.lineage import Edge, Relation, Source

CHANGE_BEFORE_INCIDENT = "change-before-incident@1"
WINDOW = timedelta(hours=1)  # what intake takes for a recent change
MOST_SURE = 0.5  # a change may always have come shortly before by chance
HALF_LIFE = timedelta(minutes=30)

RULES = {
    CHANGE_BEFORE_INCIDENT: (
        "A change that began up to an hour before an incident opened, on a component the incident affects, caused it; the confidence is "
        "0.5, halved for every 30 minutes between them. Other changes in that hour do not lower it: each is judged by itself."
    )
}


def confidence_after(lag: timedelta) -> float:
    """Returns how sure it is, 0 to 0.5 in thousandths, that what began `lag` before caused what came; 0 outside of the window."""
    if not timedelta(0) <= lag <= WINDOW:
        return 0.0
    return round(MOST_SURE * math.exp2(-(lag / HALF_LIFE)), 3)


def lapse(lag: timedelta) -> str:
    """Returns why nothing follows from a change that began `lag` before, negative for after, as people read it."""
    seconds = lag // timedelta(seconds=1)
    if lag < timedelta(0):
        return f"it began {-seconds} s after, as is told now"
    return f"it began {seconds} s before, as is told now, and the rule looks back {WINDOW // timedelta(seconds=1)} s"


def concluded(fresh: Iterable[Occurrence], known: Iterable[Occurrence]) -> tuple[Edge, ...]:
    """Returns what follows from the fresh occurrences among themselves and with the known ones: each pair once, by name."""
    new = tuple(fresh)
    found: dict[tuple[str, str], Edge] = {}
    for each in sorted(_pairs(new, (*known, *new)), key=_by_pair):
        found.setdefault((each.from_name, each.to_name), each)
    return tuple(found.values())


def _by_pair(edge: Edge) -> tuple[str, str, float, str]:
    """The surest of a pair first, and of equals one that does not hang on which came first."""
    return edge.from_name, edge.to_name, -edge.confidence, edge.attributes["component"]


def _pairs(fresh: Iterable[Occurrence], others: Iterable[Occurrence]) -> Iterable[Edge]:
    beside = tuple(others)
    for one in fresh:
        for other in beside:
            if one.component == other.component and one.part is not other.part:
                cause, effect = (one, other) if one.part is Part.CAUSE else (other, one)
                yield from _edge(cause, effect)


def _edge(cause: Occurrence, effect: Occurrence) -> Iterable[Edge]:
    lag = effect.time - cause.time
    confidence = confidence_after(lag)
    if confidence:
        attributes = {"component": cause.component, "lag_seconds": str(lag // timedelta(seconds=1))}
        yield Edge(cause.name, effect.name, Relation.CAUSED, attributes, Source.INFERRED, confidence, CHANGE_BEFORE_INCIDENT)
