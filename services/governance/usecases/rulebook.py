"""Keeping the approval rules: reading their versions, making new ones, trying them, and having the newest ready to be asked."""

from services.governance.domain.approval_rule import RulesDocument, RulesRevision
from services.governance.domain.approval_rules import Rules, check_people, ready, rules_of
from services.governance.domain.approval_trial import RuleTrial, try_rules
from services.governance.storage.approval_store import ApprovalStore
from shared.clock import Clock
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name
from shared.revisions import RevisionStore


class Rulebook:
    """The versions of the approval rules."""

    def __init__(self, store: RevisionStore[RulesDocument], approvals: ApprovalStore, clock: Clock) -> None:
        self._store = store
        self._approvals = approvals
        self._clock = clock
        self._ready: Rules | None = None

    async def newest(self) -> RulesRevision:
        return await self._store.newest(self._clock.now())

    async def in_force(self) -> Rules:
        """Returns the newest version ready to be asked; compiled once."""
        newest = await self.newest()
        if self._ready is None or self._ready.revision != newest.revision:
            self._ready = ready(newest.revision, newest.document)
        return self._ready

    async def get(self, revision: int) -> RulesRevision:
        """Returns a version, the newest for 0. Raises ApprovalRulesRevisionNotFound."""
        newest = await self.newest()
        return newest if revision in {0, newest.revision} else await self._store.get(revision)

    async def page(self, paging: PageQuery) -> Page[RulesRevision]:
        await self.newest()
        return await self._store.page(paging)

    async def update(self, document: RulesDocument, etag: str, reason: str, *, validate_only: bool) -> RulesRevision:
        """Makes a new version on behalf of the caller; what would be made, when only to be validated.

        Raises ApprovalRulesRefused, Conflict.
        """
        newest = await self.newest()
        check_people(document)
        rules_of(newest.revision + 1, document)
        made = RulesRevision(newest.revision + 1, document, current_principal_name(), reason, self._clock.now())
        return await self._store.replace(etag, made, validate_only=validate_only)

    async def dry_run(self, document: RulesDocument, count: int) -> RuleTrial:
        """Asks rules that need not be stored about the latest approvals. Raises ApprovalRulesRefused."""
        check_people(document)
        return try_rules(rules_of(0, document), await self._approvals.latest(count))
