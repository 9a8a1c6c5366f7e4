"""Shaping: people decide which alerts make an incident, by merging incidents and by splitting one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.intake.domain.errors import MergeIntoItself, MergeIntoResolved, SplitLeavesNothing, StormNotMerged
from services.intake.domain.evidence import Evidence, merge
from services.intake.domain.incident import Incident, IncidentKind, IncidentState
from services.intake.domain.incident_life import check_not_merged


@dataclass(frozen=True, slots=True)
class Tally:
    """What an incident's alerts come to."""

    alert_count: int
    firing_count: int
    first_start: datetime | None
    last_start: datetime | None
    last_end: datetime | None
    components: tuple[str, ...]
    evidence: Evidence


def check_merge(into: UUID, others: Sequence[UUID]) -> None:
    """Raises MergeIntoItself."""
    if into in others:
        raise MergeIntoItself(others.index(into))


def merge_incidents(into: Incident, others: Sequence[Incident], at: datetime, now: datetime) -> tuple[Incident, list[Incident]]:
    """Returns the incident with all that the others had, and the others: resolved, and leading to it.

    The one that stays keeps its state, title, roles, severity and cause. What others were merged into it before stays so.
    Raises IncidentMerged, MergeIntoResolved, StormNotMerged.
    """
    for each in (into, *others):
        check_not_merged(each)
    if into.state is IncidentState.RESOLVED:
        raise MergeIntoResolved(into.name)
    for each in others:
        if each.kind is IncidentKind.STORM:  # alerts of the storm still come to it
            raise StormNotMerged(each.name)
    evidence = into.evidence
    for each in others:
        evidence = merge(evidence, each.evidence)
    everyone = (into, *others)
    survivor = replace(
        into,
        version=into.version + 1,
        components=tuple(sorted({name for each in everyone for name in each.components})),
        opened_at=min(each.opened_at for each in everyone),
        last_started_at=_latest(each.last_started_at for each in everyone),
        last_ended_at=_latest(each.last_ended_at for each in everyone),
        alert_count=sum(each.alert_count for each in everyone),
        firing_count=sum(each.firing_count for each in everyone),
        evidence=evidence,
        shaped=True,
        updated_at=now,
    )
    return survivor, [_merged(each, into.id, at, now) for each in others]


def _merged(incident: Incident, into: UUID, at: datetime, now: datetime) -> Incident:
    return replace(
        incident,
        version=incident.version + 1,
        state=IncidentState.RESOLVED,
        resolved_at=incident.resolved_at or max(at, incident.opened_at),
        merged_into=into,
        alert_count=0,
        firing_count=0,
        shaped=True,
        updated_at=now,
    )


def split_incident(source: Incident, title: str, incident_id: UUID, now: datetime) -> Incident:
    """Returns the new incident, before its alerts are counted: a group of its own, and taken if the old one was."""
    check_not_merged(source)
    return replace(
        source,
        id=incident_id,
        version=0,
        state=IncidentState.ACKNOWLEDGED if source.acknowledged_at else IncidentState.OPEN,
        title=" ".join(title.split()) or source.title,
        group_key=f"split:{incident_id}",
        resolved_at=None,
        mitigated_at=None,
        kind=IncidentKind.ALERTS,
        shaped=True,
        untold=False,
        declared_by="",
        rating=None,
        attribution=None,
        roles=(),
        created_at=now,
        updated_at=now,
    )


def split_off(new: Incident, moved: Tally, now: datetime) -> Incident:
    """Returns the new incident with its alerts counted; it is over when none of them fires."""
    opened_at = moved.first_start or new.opened_at
    over = moved.firing_count == 0
    return replace(
        _counted(new, moved, now),
        state=IncidentState.RESOLVED if over else new.state,
        components=moved.components,
        opened_at=opened_at,
        acknowledged_at=max(new.acknowledged_at, opened_at) if new.acknowledged_at else None,
        resolved_at=max(moved.last_end or now, opened_at) if over else None,
    )


def left_over(source: Incident, kept: Tally, moved: Tally, now: datetime) -> Incident:
    """Returns the old incident with the alerts that stay counted. It stands as it stood: whether it is over is for people to say.

    A component that only moved alerts named is gone, unless a person declared it. It opened with the first alert that stays, a declared
    one or a storm's when it did. Raises SplitLeavesNothing.
    """
    declared = source.kind is IncidentKind.DECLARED
    if kept.alert_count == 0 and not declared:
        raise SplitLeavesNothing(source.name)
    gone = set() if declared else set(moved.components) - set(kept.components)
    known = [each for each in (source.acknowledged_at, source.mitigated_at, source.resolved_at) if each]
    by_alerts = source.kind is IncidentKind.ALERTS and kept.first_start is not None
    opened_at = min([each for each in (kept.first_start, *known) if each]) if by_alerts else source.opened_at
    return replace(
        _counted(source, kept, now),
        components=tuple(each for each in source.components if each not in gone),
        opened_at=opened_at,
        shaped=True,
    )


def _counted(incident: Incident, tally: Tally, now: datetime) -> Incident:
    return replace(
        incident,
        version=incident.version + 1,
        last_started_at=tally.last_start,
        last_ended_at=tally.last_end,
        alert_count=tally.alert_count,
        firing_count=tally.firing_count,
        evidence=tally.evidence,
        updated_at=now,
    )


def _latest(times: Iterable[datetime | None]) -> datetime | None:
    return max((each for each in times if each), default=None)
