"""Change control of one service's documents: drafting, proposing, bringing back and taking back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from google.protobuf.any_pb2 import Any as AnyMessage

from shared.amendments.amendment import Agreement, Amendment, Comparison, State, utc_text
from shared.amendments.approvals import AmendmentApprovals
from shared.amendments.convert import impact_json
from shared.amendments.document import DocumentKind, body_from_wire, body_of, compare
from shared.amendments.errors import ApprovalRequired, EffectiveTimeRefused, RoleMissing
from shared.amendments.progress import Progress
from shared.amendments.record import AmendmentRecord
from shared.amendments.registry import Registry
from shared.amendments.store import AmendmentQuery, AmendmentStore
from shared.clock import Clock
from shared.errors import check_reason
from shared.events.outbox import Outbox
from shared.ids import new_id
from shared.paging import Page, PageQuery
from shared.principal import EVERY_TEAM, current_principal
from shared.storage.database import Database

_UNSTORED = UUID(int=0)


class AmendmentControl:
    """What callers do with amendments, each on their own behalf."""

    def __init__(self, database: Database, outbox: Outbox, registry: Registry, approvals: AmendmentApprovals, clock: Clock) -> None:
        self._database = database
        self._registry = registry
        self._approvals = approvals
        self._clock = clock
        self._store = AmendmentStore(database)
        self._record = AmendmentRecord(database, outbox, self._store, registry, approvals)
        self.progress = Progress(database, self._store, self._record, registry, approvals)

    async def dry_run(self, document: str, body: AnyMessage, revision: int) -> Amendment:
        """Returns the amendment as it would be proposed now, without an identity: to this body, or to an old version."""
        kind = self._registry.kind_of(document)
        message = (await kind.read(document, revision))[1] if revision else await body_from_wire(kind, document, body)
        compared = await compare(kind, document, message, revision)
        owner = (await self._store.owners([document]))[document].owner
        agreement = Agreement(self._registry.needs_approval(kind), owner=owner)
        impact = impact_json(await kind.preview(message))
        made = self._new(kind, document, compared, "")
        return replace(made, id=_UNSTORED, version=0, impact=impact, agreement=agreement)

    async def draft(self, document: str, body: AnyMessage, reason: str) -> Amendment:
        """Raises DocumentUnknown, BodyRefused, AmendmentEmpty, and what the document's own rules say."""
        check_reason("reason", reason)
        kind = self._registry.kind_of(document)
        compared = await compare(kind, document, await body_from_wire(kind, document, body))
        return await self._record.made(self._new(kind, document, compared, reason))

    async def revise(self, identifier: UUID, etag: str, body: AnyMessage, reason: str) -> Amendment:
        """Raises as `draft` does, AmendmentNotFound, AmendmentClosed, NotTheAuthor, Conflict."""
        if reason:
            check_reason("reason", reason)
        async with self._database.transaction():
            held = await self._store.locked(identifier, etag)
            kind = self._registry.kind_of(held.document)
            compared = await compare(kind, held.document, await body_from_wire(kind, held.document, body))
            return await self._record.moved(held, held.revised(compared, reason, current_principal().name, self._clock.now()))

    async def propose(self, identifier: UUID, etag: str, effective_at: datetime | None) -> Amendment:
        """Asks for approval, or has it come in force at its time where nobody else must agree.

        Raises AmendmentNotFound, AmendmentClosed, NotTheAuthor, AmendmentEmpty, EffectiveTimeRefused, RoleMissing, Conflict, what the
        document's own rules say, what RequestApproval refuses, and Unavailable where governance is away.
        """
        now = self._clock.now()
        async with self._database.transaction():
            held = await self._store.locked(identifier, etag)
            held.check_draft(current_principal().name)
            kind = self._registry.kind_of(held.document)
            # On the version in force now, which may be another one than when it was drafted; and the rules may be others.
            body = await kind.checked(body_of(kind, held.comparison.body))
            compared = await compare(kind, held.document, body, held.comparison.restored)
            proposed = held.proposed(compared, effective_at, current_principal().name, now)
            proposed = replace(proposed, impact=impact_json(await kind.preview(body)))
            proposed = await self._record.moved(held, proposed.asked(await self._agreement(kind, proposed)))
            return proposed if proposed.agreement.is_needed else await self.progress.bring_on(identifier, now)

    async def roll_back(self, document: str, revision: int, reason: str, effective_at: datetime | None) -> Amendment:
        """Drafts and proposes that an old version comes back. Raises as `propose` does, and what reading the version raises."""
        check_reason("reason", reason)
        kind = self._registry.kind_of(document)
        _, body = await kind.read(document, revision)
        async with self._database.transaction():
            await self._store.take_turn(document)
            compared = await compare(kind, document, await kind.checked(body), revision)
            made = await self._record.made(self._new(kind, document, compared, reason))
            return await self.propose(made.id, "", effective_at)

    async def withdraw(self, identifier: UUID, etag: str, note: str) -> Amendment:
        """Raises AmendmentNotFound, AmendmentClosed, NotTheAuthor, Conflict."""
        caller = current_principal()
        is_admin = ("admin", EVERY_TEAM) in caller.scoped_roles()
        async with self._database.transaction():
            held = await self._store.locked(identifier, etag)
            return await self._record.moved(held, held.withdrawn(caller.name, note, self._clock.now(), is_admin=is_admin))

    async def get(self, identifier: UUID) -> Amendment:
        """Raises AmendmentNotFound."""
        return await self._store.get(identifier)

    async def page(self, query: AmendmentQuery, paging: PageQuery) -> Page[Amendment]:
        return await self._store.page(query, paging)

    def kind_of(self, made: Amendment) -> DocumentKind:
        return self._registry.kind_of(made.document)

    @asynccontextmanager
    async def directly(self, document: str, *, validate_only: bool = False) -> AsyncIterator[None]:
        """For calls that put a version in force at once: lets them where nobody else must agree, and notes what that ends.

        Raises ApprovalRequired where others must agree, unless nothing is to be stored.
        """
        if validate_only:
            yield
            return
        if self._registry.needs_approval(self._registry.kind_of(document)):
            raise ApprovalRequired(document)
        async with self._database.transaction():
            await self._store.take_turn(document)
            yield
            await self.progress.settle(document, self._clock.now())

    def _new(self, kind: DocumentKind, document: str, compared: Comparison, reason: str) -> Amendment:
        now = self._clock.now()
        return Amendment(new_id(now), document, kind.kind, State.DRAFT, compared, current_principal().name, reason, now, now)

    async def _agreement(self, kind: DocumentKind, proposed: Amendment) -> Agreement:
        """Asks those who must agree; where nobody must, the caller needs the role that a direct change takes."""
        owner = (await self._store.owners([proposed.document]))[proposed.document].owner
        if not self._registry.needs_approval(kind):
            caller = current_principal()
            if (kind.role, EVERY_TEAM) not in caller.scoped_roles():
                raise RoleMissing(caller.name, proposed.document, kind.role)
            return Agreement(False, owner=owner)
        if proposed.effective_at is not None:
            # From now: approvers are not to wait for the right moment, before which what they give would expire ahead of its time.
            latest = self._clock.now() + await self._approvals.holds_for(proposed, owner)
            if proposed.effective_at > latest:
                raise EffectiveTimeRefused(f"an approval given at once would hold until {utc_text(latest)}; propose it nearer to its time")
        return await self._approvals.ask(proposed, owner)
