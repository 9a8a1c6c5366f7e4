"""Keeping the budget policy: reading its versions and making new ones."""

from services.triage.domain.budget_policy import BudgetPolicy, BudgetPolicyRevision
from shared.clock import Clock
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name
from shared.revisions import RevisionStore


class BudgetPolicies:
    """The versions of the budget policy."""

    def __init__(self, store: RevisionStore[BudgetPolicy], clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def get(self, revision: int) -> BudgetPolicyRevision:
        """Returns a version, the newest for 0."""
        newest = await self._store.newest(self._clock.now())
        return newest if revision in {0, newest.revision} else await self._store.get(revision)

    async def page(self, paging: PageQuery) -> Page[BudgetPolicyRevision]:
        await self._store.newest(self._clock.now())
        return await self._store.page(paging)

    async def update(self, policy: BudgetPolicy, etag: str, reason: str, *, validate_only: bool, author: str = "") -> BudgetPolicyRevision:
        """Makes a new version on behalf of the caller, or of `author`; what would be made, when only to be validated."""
        policy.check()
        now = self._clock.now()
        newest = await self._store.newest(now)
        made = BudgetPolicyRevision(newest.revision + 1, policy, author or current_principal_name(), reason, now)
        return await self._store.replace(etag, made, validate_only=validate_only)
