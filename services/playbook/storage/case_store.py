"""Cases in PostgreSQL: what is known of one incident, and the bundles that follow from it, worked on by one at a time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.playbook.domain.arrival import newest_by_team
from services.playbook.domain.bundle import Bundle
from services.playbook.domain.errors import TemplateVersionChanged
from services.playbook.domain.events import BundleRendered
from services.playbook.domain.fact import AssessmentFact, DecisionFact, IncidentFact, IncidentFacts
from services.playbook.storage.rows import (
    assessment_from_json,
    assessment_to_json,
    bundle_from_row,
    bundle_to_row,
    decision_from_json,
    decision_to_json,
    file_from_row,
    files_to_rows,
    incident_from_json,
    incident_to_json,
)
from services.playbook.storage.tables import bundle, bundle_file, decision, incident, template_version
from shared.events.outbox import Outbox
from shared.ids import uuid_of
from shared.storage.database import Database

# Held until the transaction ends, also for what has no row yet. An assessment is always locked before its incident.
_LOCK = text("select pg_advisory_xact_lock(hashtextextended(:name, 7104))")


class Case:
    """One incident under work: locked until the transaction ends."""

    def __init__(self, connection: AsyncConnection, outbox: Outbox, facts: IncidentFacts) -> None:
        self._connection = connection
        self._outbox = outbox
        self._id = uuid_of(facts.name)
        self.facts = facts

    async def keep_incident(self, fact: IncidentFact) -> None:
        await self._keep(incident=incident_to_json(fact))

    async def keep_assessment(self, fact: AssessmentFact) -> None:
        await self._keep(assessment=assessment_to_json(fact), assessment_name=fact.name)

    async def keep_decision(self, fact: DecisionFact) -> None:
        await self._keep()
        await _keep_decision(self._connection, fact, self._id)

    async def _keep(self, **values: object) -> None:
        statement = insert(incident).values(id=self._id, **values)
        kept = statement.on_conflict_do_update(index_elements=["id"], set_=values) if values else statement.on_conflict_do_nothing()
        await self._connection.execute(kept)

    async def waiting_decisions(self, assessment: str) -> list[DecisionFact]:
        """Returns decisions on this assessment that came before anybody knew its incident, oldest first."""
        statement = select(decision.c.decision).where(decision.c.assessment_name == assessment, decision.c.incident_id.is_(None))
        facts = [decision_from_json(document) for document in (await self._connection.execute(statement)).scalars()]
        return sorted(facts, key=lambda fact: fact.order)

    async def save(self, new: Bundle) -> Bundle:
        """Stores the bundle with its event, and returns it as stored; or returns the one there is for the same inputs and reason.

        Raises TemplateVersionChanged when its template's version was rendered before from other content.
        """
        await self._check_version(new)
        held = await self._held(new)
        if held is not None:
            return held
        newest = select(func.max(bundle.c.position)).where(bundle.c.incident_id == self._id, bundle.c.template == new.provenance.template)
        statement = select(bundle.c.id).where(bundle.c.position == newest.scalar_subquery())
        before = (await self._connection.execute(statement)).scalar()
        row = (await self._connection.execute(insert(bundle).values(bundle_to_row(new, before)).returning(bundle))).one()
        await self._connection.execute(insert(bundle_file), files_to_rows(new))
        stored = bundle_from_row(row, new.files)
        await self._outbox.record(self._connection, [BundleRendered(stored)])
        return stored

    async def _held(self, new: Bundle) -> Bundle | None:
        row = bundle_to_row(new, None)
        same = [bundle.c[name] == row[name] for name in ("incident_id", "template", "template_version", "inputs_digest", "trigger")]
        found = (await self._connection.execute(select(bundle).where(*same))).first()
        if found is None:
            return None
        files = select(bundle_file).where(bundle_file.c.bundle_id == found.id).order_by(bundle_file.c.path)
        return bundle_from_row(found, tuple(file_from_row(each) for each in await self._connection.execute(files)))

    async def _check_version(self, new: Bundle) -> None:
        provenance = new.provenance
        this = {"template": provenance.template, "version": provenance.template_version}
        first = insert(template_version).values(**this, content_hash=provenance.template_hash, first_rendered_at=new.created_at)
        await self._connection.execute(first.on_conflict_do_nothing())
        statement = select(template_version.c.content_hash).filter_by(**this)
        if (await self._connection.execute(statement)).scalar_one() != provenance.template_hash:
            raise TemplateVersionChanged(provenance.template, provenance.template_version)


class CaseStore:
    """Cases of all incidents."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    @asynccontextmanager
    async def case(self, name: str) -> AsyncIterator[Case]:
        """Opens the case of an incident, known or not: alone until the transaction ends, which keeps all that is done in it or nothing."""
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK, {"name": name})
            yield Case(connection, self._outbox, await _facts_of(connection, name))

    @asynccontextmanager
    async def assessment(self, name: str) -> AsyncIterator[str]:
        """Holds an assessment, before the case it belongs to is opened; gives its incident's name, empty when nobody told it yet."""
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK, {"name": name})
            statement = select(incident.c.id).where(incident.c.assessment_name == name)
            found: UUID | None = (await connection.execute(statement)).scalar()
            yield f"incidents/{found}" if found else ""

    async def keep_waiting(self, fact: DecisionFact) -> None:
        """Keeps a decision until its assessment tells which incident it is about. Safe to repeat."""
        async with self._database.transaction() as connection:
            await _keep_decision(connection, fact, None)


async def _facts_of(connection: AsyncConnection, name: str) -> IncidentFacts:
    this = uuid_of(name)
    row = (await connection.execute(select(incident).where(incident.c.id == this))).first()
    documents = await connection.execute(select(decision.c.decision).where(decision.c.incident_id == this))
    return IncidentFacts(
        name,
        incident_from_json(row.incident) if row is not None and row.incident is not None else None,
        assessment_from_json(row.assessment) if row is not None and row.assessment is not None else None,
        newest_by_team([decision_from_json(document) for document in documents.scalars()]),
    )


async def _keep_decision(connection: AsyncConnection, fact: DecisionFact, incident_id: UUID | None) -> None:
    values = {"assessment_name": fact.assessment, "incident_id": incident_id, "decision": decision_to_json(fact)}
    statement = insert(decision).values(id=uuid_of(fact.name), **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
