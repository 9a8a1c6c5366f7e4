"""Assessments in PostgreSQL: one an incident, every revision readable."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, any_, bindparam, insert, select, text
from sqlalchemy.dialects.postgresql import ARRAY, Insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.triage.domain.assessment import Assessment, Occasion, revise
from services.triage.domain.errors import AssessmentNotFound, IncidentNotHeld
from services.triage.domain.events import AssessmentMade
from services.triage.domain.finding import Finding, Judge
from services.triage.domain.human_override import HumanOverride, OverrideRecord
from services.triage.domain.incident import Incident
from services.triage.domain.recurrence import class_of
from services.triage.storage import override_store
from services.triage.storage.assessment_pages import AssessmentQuery, condition_after, conditions, cursor_of, order
from services.triage.storage.findings import assessment_from_row, assessment_to_row
from services.triage.storage.snapshots import incident_from_json, incident_to_json, override_from_json, override_to_json
from services.triage.storage.tables import assessment, assessment_revision
from shared.events.outbox import Headers, Outbox, current_headers
from shared.ids import uuid_of
from shared.paging import Page, PageQuery
from shared.storage.database import Database

# One event of an incident at a time, also before it has a row that could be locked; always in the same order, so that nobody waits
# in a circle.
_LOCK = text("select pg_advisory_xact_lock(hashtextextended(incident, 7102)) from unnest(:incidents) as each(incident)").bindparams(
    bindparam("incidents", type_=ARRAY(Text))
)


@dataclass(frozen=True, slots=True)
class Heard:
    """An incident at one version, as an event told of it, and how to judge it."""

    incident: Incident
    version: int
    judge: Judge
    occasion: Occasion
    cause: Headers  # what the event leaves in those that follow from it


@dataclass(frozen=True, slots=True)
class Held:
    """The newest assessment of an incident, and the incident as it was assessed: enough to judge it anew."""

    assessment: Assessment
    incident: Incident
    incident_version: int


class AssessmentStore:
    """Assessments and their revisions."""

    def __init__(self, database: Database, outbox: Outbox, currency: str) -> None:
        """`currency` is that in which losses can be compared."""
        self._database = database
        self._outbox = outbox
        self._currency = currency

    async def keep(self, heard: Sequence[Heard]) -> list[Assessment | None]:
        """Keeps what is found of several incidents, and returns it; None, and nothing kept, of each of which it holds a newer version.

        A new finding becomes a revision, stored with its event; the same finding again only moves the version held. All or none, and
        safe to repeat. No incident may stand twice: the second would have to see the first.
        """
        writings = []
        async with self._database.transaction() as connection:
            rows = await _locked(connection, [each.incident.name for each in heard])
            for each in heard:
                row = rows.get(each.incident.name)
                if row is not None and row.incident_version > each.version:
                    continue
                held = None if row is None else assessment_from_row(row)
                said = None if row is None else override_from_json(row.human_override)
                after = revise(each.judge(said), held, each.occasion)
                writings.append(_Writing(held, after, each.incident, each.version, each.cause))
            await self._write(connection, writings)
        kept = {each.incident.name: each.after for each in writings}
        return [kept.get(each.incident.name) for each in heard]

    async def revisit(self, held: Held, judge: Judge, occasion: Occasion, said: OverrideRecord | None = None) -> Assessment | None:
        """Keeps what is found of an incident that did not change, and what a person `said` of it meanwhile, if one did.

        Returns None, and keeps nothing, when the assessment is not the one held any more: read it again.
        """
        async with self._database.transaction() as connection:
            row = (await _locked(connection, [held.incident.name])).get(held.incident.name)
            if row is None or (row.incident_version, row.revision) != (held.incident_version, held.assessment.revision):
                return None
            before = assessment_from_row(row)
            override = override_from_json(row.human_override)
            if said is not None:
                await override_store.add(connection, said)
                override = HumanOverride(said.severity, said.reason, said.author, said.create_time) if said.severity else None
            after = revise(judge(override), before, occasion)
            await self._write(connection, [_Writing(before, after, held.incident, held.incident_version, current_headers())])
        return after

    async def held(self, name: str) -> Held:
        """Returns what is held, by the assessment's name or its incident's. Raises AssessmentNotFound, IncidentNotHeld."""
        row = await self._row(name, _newest())
        if row.snapshot is None:
            raise IncidentNotHeld(name)
        return Held(assessment_from_row(row), incident_from_json(row.snapshot), row.incident_version)

    async def latest_findings(self, count: int) -> list[Finding]:
        """Returns what is found of the incidents opened last, the latest first."""
        newest = (assessment.c.opened_at.desc(), assessment.c.id.desc())
        async with self._database.transaction() as connection:
            return [assessment_from_row(row).finding for row in await connection.execute(_newest().order_by(*newest).limit(count))]

    async def latest_incidents(self, count: int) -> list[Incident]:
        """Returns the incidents opened last, as they were when they were last assessed, the latest first."""
        newest = (assessment.c.opened_at.desc(), assessment.c.id.desc())
        statement = select(assessment.c.snapshot).where(assessment.c.snapshot.is_not(None)).order_by(*newest).limit(count)
        async with self._database.transaction() as connection:
            return [incident_from_json(each) for each in (await connection.execute(statement)).scalars()]

    def when_kept(self, call: Callable[[], None]) -> None:
        """Calls once the transaction under way has committed, and never when it rolls back."""

        async def committed() -> None:
            call()

        self._database.after_commit(committed)

    async def open_incidents(self, components: Sequence[str], after: str, limit: int) -> list[str]:
        """Returns incidents that are not resolved, of one of these components or of any when empty, by name, from `after` on."""
        statement = select(assessment.c.incident).where(assessment.c.incident_state != 3, assessment.c.incident > after)
        if components:
            statement = statement.where(assessment.c.component_names.overlap(list(components)))
        async with self._database.transaction() as connection:
            return list((await connection.execute(statement.order_by(assessment.c.incident).limit(limit))).scalars())

    async def get(self, name: str, revision: int) -> Assessment:
        """Returns a revision, the newest for 0, by the assessment's name or its incident's. Raises AssessmentNotFound."""
        return assessment_from_row(await self._row(name, _at(revision) if revision else _newest(), revision))

    async def page(self, query: AssessmentQuery, paging: PageQuery) -> Page[Assessment]:
        """Returns a page of assessments at their newest revision, in the order asked for."""
        statement = _newest().where(*conditions(query)).order_by(*order(query.order)).limit(paging.limit)
        if paging.cursor:
            statement = statement.where(condition_after(query.order, paging.cursor))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return paging.page([assessment_from_row(row) for row in rows], [cursor_of(query.order, row) for row in rows])

    async def _row(self, name: str, statement: Select[Any], revision: int = 0) -> Any:
        this = assessment.c.incident == name if name.startswith("incidents/") else assessment.c.id == _id(name)
        async with self._database.transaction() as connection:
            row = (await connection.execute(statement.where(this))).first()
        if row is None:
            raise AssessmentNotFound(name, revision)
        return row

    async def _write(self, connection: AsyncConnection, writings: Sequence["_Writing"]) -> None:
        if writings:
            await connection.execute(_WRITE, [self._row_to_write(each) for each in writings])
        if new := [each for each in writings if each.after is not each.before]:
            await connection.execute(_ADD_REVISION, [assessment_to_row(each.after) for each in new])
            made = [AssessmentMade(each.after, each.before.finding.severity if each.before else None) for each in new]
            await self._outbox.record(connection, made, [each.cause for each in new])

    def _row_to_write(self, writing: "_Writing") -> dict[str, Any]:
        return _columns(writing.after, self._currency) | {
            "id": writing.after.id,
            "incident_version": writing.version,
            "snapshot": incident_to_json(writing.incident),
            "class_": class_of(writing.incident),
        }


@dataclass(frozen=True, slots=True)
class _Writing:
    """An assessment to be written, new where `after` is not `before`."""

    before: Assessment | None
    after: Assessment
    incident: Incident
    version: int
    cause: Headers


async def _locked(connection: AsyncConnection, incidents: Sequence[str]) -> dict[str, Any]:
    """Returns the newest assessments of these incidents, by incident, which nobody else changes until the transaction ends."""
    await connection.execute(_LOCK, {"incidents": sorted(incidents)})
    return {row.incident: row for row in await connection.execute(_NEWEST_OF, {"of": list(incidents)})}


def _id(name: str) -> UUID:
    try:
        return uuid_of(name)
    except ValueError:
        raise AssessmentNotFound(name) from None


def _columns(after: Assessment, currency: str) -> dict[str, Any]:
    """Returns what lists are filtered and ordered by."""
    finding = after.finding
    loss = finding.expected_loss_per_hour
    amount: Decimal | None = loss.amount if loss is not None and loss.currency == currency else None
    return {
        "incident": finding.incident,
        "revision": after.revision,
        "severity": finding.severity.value,
        "incident_state": finding.state.value,
        "teams": list(finding.teams),
        "component_names": [*finding.components, *(f"components/{each}" for each in finding.unknown_components)],
        "opened_at": finding.opened_at,
        "human_override": override_to_json(finding.human_override),
        "loss_per_hour": amount,
        "restore_target_seconds": finding.restore_target.total_seconds(),
        "title": finding.title,
        "resolved_at": finding.resolved_at,
        "merged": bool(finding.merged_into),
    }


def _newest() -> Select[Any]:
    return _joined(assessment_revision.c.revision == assessment.c.revision)


def _at(revision: int) -> Select[Any]:
    return _joined(assessment_revision.c.revision == revision)


def _joined(which: ColumnElement[bool]) -> Select[Any]:
    on = (assessment_revision.c.assessment_id == assessment.c.id) & which
    row = assessment.c
    held = (row.incident, row.incident_version, row.opened_at, row.severity, row.loss_per_hour, row.snapshot, row.human_override)
    return select(assessment_revision, *held).join_from(assessment, assessment_revision, on)


# Statements of every assessment, made once: to put one together takes longer than to run it.
_NEWEST_OF = _newest().where(assessment.c.incident == any_(bindparam("of", type_=ARRAY(Text))))
_ADD_REVISION = insert(assessment_revision)


def _write() -> Insert:
    statement = upsert(assessment)
    kept = {column.key: statement.excluded[column.key] for column in assessment.columns if column.key != "id"}
    return statement.on_conflict_do_update(index_elements=["id"], set_=kept)


_WRITE = _write()
