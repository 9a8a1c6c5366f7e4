"""What a batch of the alert path reads and writes, row by row, and how it lies in columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.intake.domain.alert import Disposition, KnownAlert
from services.intake.domain.chain import Span
from services.intake.domain.episode import Episode
from services.intake.domain.evidence import evidence_to_json
from services.intake.domain.incident import Incident
from services.intake.storage import statements
from services.intake.storage.rows import life_from_row


@dataclass(frozen=True, slots=True)
class Description:
    """What describes a signal's current alert now; labels and annotations are JSON."""

    fingerprint: UUID
    labels: str
    annotations: str
    url: str
    stamp: int


@dataclass(frozen=True, slots=True)
class Revived:
    """A signal's current alert with another life."""

    fingerprint: UUID
    life: Episode
    is_flapping: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a signal's current alert goes that was kept out of incidents until now."""

    fingerprint: UUID
    incident_id: UUID | None
    disposition: Disposition
    group_key: str
    rule: str
    revision: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A group's current incident, as far as it takes to say whether alerts only make it larger."""

    incident_id: UUID
    is_open: bool
    opened_at: datetime
    components: frozenset[str]


@dataclass(frozen=True, slots=True)
class LifeRow:
    """One alert of a signal: its life, where it is, and whether it is the current one."""

    id: UUID
    fingerprint: UUID
    incident_id: UUID | None
    disposition: Disposition
    group_key: str
    life: Episode
    is_live: bool
    mute: str = ""  # what mutes or muted it, at `mute_version`
    mute_version: int = 0


@dataclass(frozen=True, slots=True)
class OneAlert:
    """What describes an alert that is opened by itself."""

    stamp: int
    source: str
    labels: str
    annotations: str
    url: str
    rule: str
    revision: int


@dataclass(frozen=True, slots=True)
class SpanRow:
    """An alert of a group, as re-arranging reads it."""

    span: Span
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    fingerprint: UUID
    refired_count: int


def known_from_row(row: Any) -> KnownAlert:
    return KnownAlert(row["id"], row["incident_id"], Disposition(row["disposition"]), life_from_row(row), row["stamp"], row["group_key"])


def life_columns(life: Episode) -> tuple[int, datetime, datetime | None, list[datetime] | None, list[datetime] | None]:
    """Returns state, begin, end, and all begins and ends where there is more to say."""
    return (
        1 if life.is_firing else 2,
        life.starts_at,
        life.ends_at,
        list(life.starts) if len(life.starts) > 1 else None,
        list(life.ends) if len(life.ends) > 1 or (life.ends and life.is_firing) else None,
    )


def columns_of(changed: Sequence[Incident]) -> list[list[Any]]:
    """Returns the columns of statements.CHANGING, in their order."""
    rows = [
        (
            each.id,
            each.version,
            each.state,
            statements.dumps(each.components),
            each.opened_at,
            each.acknowledged_at,
            each.mitigated_at,
            each.resolved_at,
            each.last_started_at,
            each.last_ended_at,
            each.alert_count,
            each.firing_count,
            statements.dumps(evidence_to_json(each.evidence)),
            each.merged_into,
            each.updated_at,
            each.untold,
        )
        for each in changed
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def array_text(times: Sequence[datetime]) -> str:
    """Returns times as PostgreSQL writes an array of them."""
    return "{" + ",".join(f'"{each.isoformat()}"' for each in times) + "}"
