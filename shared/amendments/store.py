"""Amendments and owners of documents in PostgreSQL, each change with its event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from shared.amendments.amendment import WAITING, Agreement, Amendment, Cause, Comparison, State
from shared.amendments.errors import AmendmentNotFound
from shared.amendments.tables import amendment, document_owner
from shared.ids import name_of
from shared.paging import Page, PageQuery
from shared.storage.database import Database
from shared.storage.etags import check_etag

_TURN = text("select pg_advisory_xact_lock(hashtextextended(:document, 7110))")
_WAITING = [each.value for each in WAITING]


@dataclass(frozen=True, slots=True)
class AmendmentQuery:
    """Which amendments to list; empty conditions hold for all."""

    document: str = ""
    states: tuple[int, ...] = ()
    author: str = ""


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns a document; version 0 where nobody ever said."""

    owner: str = ""
    version: int = 0


class AmendmentStore:
    """Amendments of the documents of one service."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, made: Amendment) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(insert(amendment).values(_row(made)))

    async def put(self, changed: Amendment) -> None:
        """Stores what became of an amendment that is locked."""
        async with self._database.transaction() as connection:
            await connection.execute(amendment.update().where(amendment.c.id == changed.id).values(_row(changed)))

    async def get(self, identifier: UUID) -> Amendment:
        """Raises AmendmentNotFound."""
        async with self._database.transaction() as connection:
            return _found(identifier, (await connection.execute(select(amendment).where(amendment.c.id == identifier))).first())

    async def take_turn(self, document: str) -> None:
        """Waits until nobody else changes the document or its amendments, for the transaction under way.

        Before anything else is locked: a version that comes in force ends other amendments of the document, and two that did so at
        once, each with its own amendment locked, would wait for each other.
        """
        async with self._database.transaction() as connection:
            await connection.execute(_TURN, {"document": document})

    async def locked(self, identifier: UUID, etag: str = "") -> Amendment:
        """Returns it as it is, in the turn of its document. Raises AmendmentNotFound, Conflict when it is not at `etag`."""
        async with self._database.transaction() as connection:
            await self.take_turn((await self.get(identifier)).document)
            statement = select(amendment).where(amendment.c.id == identifier).with_for_update()
            found = _found(identifier, (await connection.execute(statement)).first())
        check_etag(found.name, found.version, etag)
        return found

    async def page(self, query: AmendmentQuery, paging: PageQuery) -> Page[Amendment]:
        """Returns a page of amendments, newest first."""
        statement = select(amendment).order_by(amendment.c.id.desc()).limit(paging.limit)
        for column, value in ((amendment.c.document, query.document), (amendment.c.author, query.author)):
            statement = statement.where(column == value) if value else statement
        if query.states:
            statement = statement.where(amendment.c.state.in_(query.states))
        if paging.cursor:
            statement = statement.where(amendment.c.id < UUID(paging.cursor[0]))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return paging.page([_from_row(row) for row in rows], [(str(row.id),) for row in rows])

    async def waiting(self, document: str = "") -> list[UUID]:
        """Returns those that wait for approvers or for their time, oldest first: of one document, or of all."""
        statement = select(amendment.c.id).where(amendment.c.state.in_(_WAITING)).order_by(amendment.c.id)
        if document:
            statement = statement.where(amendment.c.document == document)
        async with self._database.transaction() as connection:
            return [row.id for row in await connection.execute(statement)]

    async def in_force(self, document: str) -> list[UUID]:
        """Returns those that made the version in force, as far as was known."""
        statement = select(amendment.c.id).where(amendment.c.document == document, amendment.c.state == State.IN_FORCE.value)
        async with self._database.transaction() as connection:
            return [row.id for row in await connection.execute(statement.order_by(amendment.c.id))]

    async def waiting_for(self, approval: str) -> list[UUID]:
        """Returns the amendments that wait for an approval."""
        statement = select(amendment.c.id).where(amendment.c.approval == approval, amendment.c.state.in_(_WAITING))
        async with self._database.transaction() as connection:
            return [row.id for row in await connection.execute(statement)]

    async def waiting_counts(self) -> dict[str, int]:
        """Returns how many amendments wait, by document."""
        statement = select(amendment.c.document, func.count().label("amendments")).where(amendment.c.state.in_(_WAITING))
        async with self._database.transaction() as connection:
            return {row.document: row.amendments for row in await connection.execute(statement.group_by(amendment.c.document))}

    async def owners(self, documents: Sequence[str]) -> dict[str, Ownership]:
        """Returns who owns each of the documents."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(select(document_owner).where(document_owner.c.document.in_(documents)))
            told = {row.document: Ownership(row.owner, row.version) for row in rows}
        return {each: told.get(each, Ownership()) for each in documents}

    async def set_owner(self, document: str, owner: Ownership, now: datetime) -> None:
        statement = insert(document_owner).values(document=document, owner=owner.owner, version=owner.version, updated_at=now)
        new = {"owner": owner.owner, "version": owner.version, "updated_at": now}
        async with self._database.transaction() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=["document"], set_=new))


def _found(identifier: UUID, row: Any) -> Amendment:
    if row is None:
        raise AmendmentNotFound(name_of("amendments", identifier))
    return _from_row(row)


def _row(made: Amendment) -> dict[str, Any]:
    return {
        "id": made.id,
        "document": made.document,
        "kind": made.kind,
        "state": made.state.value,
        "cause": made.cause.value,
        "detail": made.detail,
        "body": made.comparison.body,
        "base": made.comparison.base,
        "restored": made.comparison.restored,
        "difference": made.comparison.difference,
        "impact": made.impact,
        "revision": made.revision,
        "needs_approval": made.agreement.is_needed,
        "approval": made.agreement.approval,
        "requester": made.agreement.requester,
        "owner": made.agreement.owner,
        "author": made.author,
        "reason": made.reason,
        "version": made.version,
        "effective_at": made.effective_at,
        "proposed_at": made.proposed_at,
        "forced_at": made.forced_at,
        "created_at": made.created_at,
        "updated_at": made.updated_at,
    }


def _from_row(row: Any) -> Amendment:
    return Amendment(
        id=row.id,
        document=row.document,
        kind=row.kind,
        state=State(row.state),
        comparison=Comparison(row.body, row.base, row.difference, row.restored),
        author=row.author,
        reason=row.reason,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
        cause=Cause(row.cause),
        detail=row.detail,
        revision=row.revision,
        impact=row.impact,
        agreement=Agreement(row.needs_approval, row.approval, row.requester, row.owner),
        effective_at=row.effective_at,
        proposed_at=row.proposed_at,
        forced_at=row.forced_at,
    )
