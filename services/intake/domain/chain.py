"""Chains: which alerts of a group are one incident by their event times, whatever the order in which they were told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Span:
    """When an alert of the group fired, and the incident it is in; no end while it fires."""

    alert_id: UUID
    incident_id: UUID | None
    starts_at: datetime
    ends_at: datetime | None


def chains(spans: Iterable[Span], quiet: timedelta) -> list[list[Span]]:
    """Returns the alerts in incidents, oldest first: one that begins at most `quiet` after all before it ended belongs with them."""
    found: list[list[Span]] = []
    until: datetime | None = None
    is_open = False
    for span in sorted(spans, key=lambda each: (each.starts_at, each.alert_id)):
        if found and (is_open or (until is not None and span.starts_at - until <= quiet)):
            found[-1].append(span)
        else:
            found.append([span])
            until, is_open = None, False
        is_open = is_open or span.ends_at is None
        until = max(each for each in (until, span.ends_at, span.starts_at) if each is not None)
    return found


def assign(found: Sequence[Sequence[Span]], opened: Mapping[UUID, datetime]) -> list[UUID | None]:
    """Returns for each chain the incident that keeps its name: of those its alerts are in, the one opened first; None for a new one.

    `opened` says when each incident opened. An incident whose alerts fell into several chains stays with the earliest of them: that
    is the one people have known it as. Every incident is given at most once.
    """
    taken: set[UUID] = set()
    names: list[UUID | None] = []
    for chain in found:
        held = {span.incident_id for span in chain if span.incident_id is not None} - taken
        first = min(held, key=lambda each: (opened[each], each), default=None)
        names.append(first)
        if first is not None:
            taken.add(first)
    return names
