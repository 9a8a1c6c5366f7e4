"""A batch of the alert path under way: what it reads, locks and writes, all in one transaction."""

import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Uuid, any_, bindparam, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.alert import Disposition, KnownAlert
from services.intake.domain.chain import Span
from services.intake.domain.episode import Episode
from services.intake.domain.incident import Incident, TimelineEntry
from services.intake.domain.muting import Mute
from services.intake.storage import statements
from services.intake.storage.batch_rows import (
    Description,
    LifeRow,
    OneAlert,
    Placed,
    Revived,
    SpanRow,
    Standing,
    array_text,
    columns_of,
    known_from_row,
    life_columns,
)
from services.intake.storage.copying import COLUMNS, NewAlerts, copied
from services.intake.storage.rows import incident_from_row, incident_to_row, life_from_row
from services.intake.storage.tables import incident
from shared.events.outbox import Headers, Outbox
from shared.storage.database import raw
from shared.storage.requests import RequestIdReused, RequestKey, answers_to, keep

_INCIDENTS = select(incident).where(incident.c.id == any_(bindparam("ids", type_=ARRAY(Uuid)))).order_by(incident.c.id).with_for_update()
_VERSIONS = text("select kind, version from routing_version")


class Contended(Exception):
    """Another transaction changed what this batch had read; start over."""


class AlertBatch:
    """A transaction of the alert path; see AlertStore.batch."""

    def __init__(self, connection: AsyncConnection, outbox: Outbox, now: datetime) -> None:
        self._connection = connection
        self._outbox = outbox
        self._now = now
        self._driver: Any = None

    @property
    def connection(self) -> AsyncConnection:
        """The transaction, for what other stores do within it."""
        return self._connection

    async def begin(self) -> dict[str, int]:
        """Begins the transaction; returns the versions of what the alert path keeps in memory, by kind."""
        rows = await self._connection.execute(_VERSIONS)
        self._driver = await raw(self._connection)  # only now: it is the first statement that begins the transaction
        return {row.kind: row.version for row in rows}

    async def glance(self, fingerprints: Sequence[UUID]) -> dict[UUID, tuple[UUID, UUID, UUID | None, int, datetime, bool]]:
        """Returns of each signal's current alert: signal, id, incident, stamp, begin, and whether it fires with no more to say.

        Not locked: it may change until the batch writes. As the driver has it, since in a storm of repeats this is all that is done.
        """
        # As one text: of an array, the driver asks each value whether it is an array itself, which takes longer than the query.
        told = "{" + ",".join([each.hex for each in fingerprints]) + "}"
        return {row[0]: row for row in await self._driver.fetch(statements.GLANCE, told)}

    async def known(self, fingerprints: Sequence[UUID]) -> dict[UUID, KnownAlert]:
        """Returns the current alert of each signal that has one, locked."""
        return {row["fingerprint"]: known_from_row(row) for row in await self._driver.fetch(statements.KNOWN_ALERTS, fingerprints)}

    async def groups(self, keys: Sequence[str]) -> dict[str, UUID]:
        """Returns the current incident of each group that has one, and keeps others from these groups until the end."""
        return {row["group_key"]: row["incident_id"] for row in await self._driver.fetch(statements.LOCK_GROUPS, keys)}

    async def take_turns(self, keys: Sequence[str]) -> None:
        """Keeps other batches that ask for the same from groups that have no incident yet, until the end."""
        await self._driver.execute(statements.TAKE_TURNS, keys)

    async def claim(self, incidents: Mapping[str, UUID]) -> None:
        """Makes these the current incidents of groups that had none. Raises Contended when one has by now."""
        claimed = await self._driver.fetch(statements.CLAIM_GROUPS, list(incidents), list(incidents.values()))
        if len(claimed) != len(incidents):
            raise Contended

    async def point(self, incidents: Mapping[str, UUID]) -> None:
        """Makes these the current incidents of groups that are locked."""
        await self._driver.execute(statements.POINT_GROUPS, list(incidents), list(incidents.values()))

    async def standing(self, keys: Sequence[str]) -> dict[str, Standing]:
        """Returns the current incident of each group that has one. Not locked: see `grow`."""
        rows = await self._driver.fetch(statements.STANDING, keys)
        return {row[0]: Standing(row[1], row[2], row[3], frozenset(("", *row[4]))) for row in rows}

    async def grow(self, growths: Sequence[tuple[UUID, int, datetime, datetime]]) -> None:
        """Adds firing alerts to incidents, by (incident, how many, first and last begin). Raises Contended when one is over by now."""
        ids, counts, firsts, lasts = (list(column) for column in zip(*growths, strict=True))
        await self._driver.execute(statements.LOCK_INCIDENTS, ids)
        done = await self._driver.execute(statements.GROW, ids, counts, firsts, lasts, self._now)
        if int(done.rpartition(" ")[2]) != len(growths):
            raise Contended

    async def incidents(self, ids: Sequence[UUID]) -> dict[UUID, Incident]:
        """Returns these incidents, locked."""
        rows = await self._connection.execute(_INCIDENTS, {"ids": list(ids)})
        return {row.id: incident_from_row(row) for row in rows}

    async def open(self, new: NewAlerts, revision: int, storm_id: UUID | None) -> None:
        """Opens alerts of signals that have no current one. Raises Contended when one has by now."""
        rows = copied(new, revision, storm_id, self._now)
        await self._driver.copy_to_table("alert", source=io.BytesIO(rows), format="binary", columns=COLUMNS)

    async def place(self, placed: Sequence[Placed]) -> None:
        """Puts alerts that exist where they belong now; what muted them stays on record."""
        await self._driver.execute(
            statements.PLACE,
            [each.fingerprint for each in placed],
            [each.incident_id for each in placed],
            [each.disposition.value for each in placed],
            [each.group_key for each in placed],
            [each.rule for each in placed],
            [each.revision for each in placed],
            self._now,
        )

    async def mute_by(self, told: Sequence[tuple[UUID, Mute]]) -> None:
        """Notes what mutes these alerts now; what muted them before is over."""
        if told:
            names, versions = [mute.name for _, mute in told], [mute.version for _, mute in told]
            await self._driver.execute(statements.MUTE_BY, [signal for signal, _ in told], names, versions)

    async def retire(self, fingerprints: Sequence[UUID]) -> None:
        """Moves the current alerts of these signals to the history: others are about to take their place."""
        await self._driver.execute(statements.MOVE_TO_HISTORY, fingerprints)

    async def count_repeats(self, counts: Mapping[UUID, int]) -> None:
        await self._driver.execute(statements.COUNT_REPEATS, list(counts), list(counts.values()), self._now)

    async def describe(self, told: Sequence[Description]) -> None:
        """Keeps what describes these alerts now."""
        await self._driver.execute(
            statements.DESCRIBE,
            [each.fingerprint for each in told],
            [each.labels for each in told],
            [each.annotations for each in told],
            [each.url for each in told],
            [each.stamp for each in told],
            self._now,
        )

    async def resolve(self, ends: Mapping[UUID, datetime]) -> None:
        """Ends alerts that were known firing, with one begin and no end before."""
        await self._driver.execute(statements.RESOLVE, list(ends), list(ends.values()), self._now)

    async def revive(self, lives: Sequence[Revived]) -> None:
        """Gives current alerts another life."""
        states, starts_at, ends_at, starts, ends = zip(*(life_columns(each.life) for each in lives), strict=True)
        # As texts: the driver has no arrays of arrays of different lengths.
        begins, overs = ([None if told is None else array_text(told) for told in column] for column in (starts, ends))
        signals, flapping = [each.fingerprint for each in lives], [each.is_flapping for each in lives]
        await self._driver.execute(statements.REVIVE, signals, states, starts_at, ends_at, begins, overs, flapping, self._now)

    async def held_starts(self, group_key: str, since: datetime) -> list[datetime]:
        """Returns when the alerts began that wait for their group's threshold."""
        return [row["starts_at"] for row in await self._driver.fetch(statements.HELD_STARTS, group_key, since)]

    async def release_held(self, group_key: str, incident_id: UUID, since: datetime) -> list[tuple[datetime, datetime | None, UUID]]:
        """Puts the alerts that wait for their group's threshold into the incident; returns begin, end and id of each.

        Of those in the history only what began at or after `since`.
        """
        rows = await self._driver.fetch(statements.RELEASE_HELD, group_key, incident_id, since)
        return [(row["starts_at"], row["ends_at"], row["id"]) for row in rows]

    async def note_sources(self, fingerprints: Sequence[UUID]) -> None:
        """Marks alerts that may inhibit others."""
        await self._driver.execute(statements.NOTE_SOURCES, fingerprints)

    async def firing_sources(self) -> list[tuple[UUID, Mapping[str, str]]]:
        """Returns the alerts that fire and may inhibit others; at most 2,000."""
        return [(row["id"], orjson.loads(row["labels"])) for row in await self._driver.fetch(statements.FIRING_SOURCES)]

    async def open_incidents(self, rule: str, components: Sequence[str]) -> list[Incident]:
        """Returns open incidents of the rule that name one of the components, locked; at most 100."""
        ids = [row["id"] for row in await self._driver.fetch(statements.OPEN_INCIDENTS, rule, list(components))]
        return list((await self.incidents(ids)).values()) if ids else []

    async def texts_of_open(self, rule: str, annotation: str, limit: int) -> list[tuple[UUID, str]]:
        """Returns the latest open incidents of the rule with the text of their first alert."""
        return [(row["id"], row["told"]) for row in await self._driver.fetch(statements.TEXTS_OF_OPEN, rule, annotation, limit)]

    async def lives(self, fingerprints: Sequence[UUID], since: datetime) -> dict[UUID, list[LifeRow]]:
        """Returns the alerts of these signals: the current one, and those of the history that lasted at or after `since`."""
        found: dict[UUID, list[LifeRow]] = {}
        for row in await self._driver.fetch(statements.LIVES, fingerprints, since):
            found.setdefault(row["fingerprint"], []).append(
                LifeRow(
                    row["id"],
                    row["fingerprint"],
                    row["incident_id"],
                    Disposition(row["disposition"]),
                    row["group_key"],
                    life_from_row(row),
                    is_live=row["live"],
                    mute=row["mute"],
                    mute_version=row["mute_version"],
                )
            )
        return found

    async def relive(self, row: LifeRow, life: Episode, *, is_live: bool) -> None:
        """Gives an alert another life, where it is now."""
        statement = statements.UPDATE_LIVE if is_live else statements.UPDATE_HISTORY
        await self._driver.execute(statement, row.id, row.fingerprint, *life_columns(life), self._now)

    async def recall(self, row: LifeRow) -> None:
        """Makes an alert of the history its signal's current one; the signal has no other."""
        await self._driver.execute(statements.RECALL, row.id, row.fingerprint)

    async def insert(self, row: LifeRow, told: OneAlert) -> None:
        """Stores an alert of its own, current or past."""
        table = "alert" if row.is_live else "alert_history"
        state, starts_at, ends_at, starts, ends = life_columns(row.life)
        await self._driver.execute(
            statements.INSERT_ALERT.format(table=table),
            row.fingerprint,
            row.id,
            row.incident_id,
            row.disposition.value,
            state,
            starts_at,
            ends_at,
            starts,
            ends,
            told.stamp,
            1,
            told.revision,
            self._now,
            told.source,
            told.labels,
            told.annotations,
            told.url,
            row.group_key,
            told.rule,
            row.mute,
            row.mute_version,
        )

    async def delete(self, rows: Sequence[LifeRow]) -> None:
        """Deletes alerts whose begins and ends went to others of the same signal."""
        for table, some in (("alert", [row for row in rows if row.is_live]), ("alert_history", [row for row in rows if not row.is_live])):
            if some:
                statement = statements.DELETE_ALERTS.format(table=table)
                await self._driver.execute(statement, [row.id for row in some], [row.fingerprint for row in some])

    async def incidents_of_group(self, group_key: str, since: datetime) -> list[UUID]:
        """Returns the incidents of the group that were not over before `since`, but those that people shaped."""
        return [row["id"] for row in await self._driver.fetch(statements.GROUP_INCIDENTS, [group_key], since)]

    async def spans(self, incident_ids: Sequence[UUID], group_key: str, limit: int) -> list[SpanRow]:
        """Returns the alerts of these incidents, and those of the group that are in none yet."""
        rows = await self._driver.fetch(statements.SPANS, list(incident_ids), group_key, limit)
        return [
            SpanRow(
                Span(row["id"], row["incident_id"], row["starts_at"], row["ends_at"]),
                orjson.loads(row["labels"]),
                orjson.loads(row["annotations"]),
                row["fingerprint"],
                life_from_row(row).refired_count,
            )
            for row in rows
        ]

    async def move_alerts(self, moves: Mapping[UUID, UUID]) -> None:
        """Puts each of these alerts into the incident given for it."""
        await self._driver.execute(statements.MOVE_ALERTS, list(moves), list(moves.values()))

    async def move_all_alerts(self, incident_id: UUID, into: UUID) -> None:
        """Puts all alerts of an incident into another, which becomes the current one of its groups."""
        await self._driver.execute(statements.MOVE_ALL_ALERTS, incident_id, into)
        await self._driver.execute(statements.POINT_INCIDENT, incident_id, into)

    async def set_current(self, group_key: str, incident_id: UUID) -> None:
        """Makes this the group's current incident, whether it had one or not."""
        await self._driver.execute(statements.SET_CURRENT, group_key, incident_id)

    async def save(
        self,
        new: Sequence[Incident],
        changed: Sequence[Incident],
        entries: Sequence[TimelineEntry],
        events: Sequence[object],
        headers: Sequence[Headers],
    ) -> None:
        """Stores incidents, adds to their time-lines and records the events, each with what caused it."""
        if new:
            await self._connection.execute(insert(incident), [incident_to_row(each) for each in new])
        if changed:
            await self._driver.execute(statements.CHANGE_INCIDENTS, *columns_of(changed))
        if entries:
            await self._driver.execute(
                statements.ADD_ENTRIES,
                [each.id for each in entries],
                [each.incident_id for each in entries],
                [each.occurred_at for each in entries],
                [each.actor for each in entries],
                [each.kind.value for each in entries],
                [each.text for each in entries],
                [each.evidence_url for each in entries],
                self._now,
            )
        await self._outbox.record(self._connection, events, headers)

    async def replace(self, changed: Incident) -> None:
        """Stores every column of an incident that exists."""
        await self._connection.execute(update(incident).where(incident.c.id == changed.id).values(incident_to_row(changed)))

    async def answers_to(self, keys: Sequence[RequestKey]) -> "dict[UUID, bytes | RequestIdReused]":
        """See shared.storage.requests."""
        return await answers_to(self._connection, keys)

    async def keep(self, answers: Sequence[tuple[RequestKey, bytes]]) -> None:
        """See shared.storage.requests."""
        await keep(self._connection, answers)
