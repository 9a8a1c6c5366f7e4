"""Allocation policies: making revisions and reading them."""

from dataclasses import replace

from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.policy_finding import check_whole
from services.allocation.domain.team import DEFAULT_POLICY
from services.allocation.storage.policy_store import PolicyStore
from shared.clock import Clock
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name


class Policies:
    """What approvers do with policies."""

    def __init__(self, store: PolicyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def update(self, policy: AllocationPolicy, etag: str, *, validate_only: bool, author: str = "") -> AllocationPolicy:
        """Returns the next revision, the caller's or `author`'s, stored unless it was only to be checked.

        Raises what `check_whole` raises, and Conflict.
        """
        now = self._clock.now()
        check_whole(policy)
        made = replace(policy, author=author or current_principal_name(), created_at=now)
        if validate_only:
            return replace(made, revision=await self._store.next_revision(policy.name, etag, now))
        return await self._store.add(made, etag)

    async def get(self, name: str, revision: int) -> AllocationPolicy:
        """Returns that revision, the newest when zero. Raises PolicyNotFound or PolicyRevisionNotFound."""
        newest = await self._store.newest(name, self._clock.now())
        return await self._store.get(name, revision) if revision else newest

    async def names(self) -> list[str]:
        """Returns the names of all policies, the default one among them though nobody may have looked at it yet."""
        return sorted({DEFAULT_POLICY, *await self._store.names()})

    async def page(self, name: str, paging: PageQuery) -> Page[AllocationPolicy]:
        """Raises PolicyNotFound."""
        await self._store.newest(name, self._clock.now())
        return await self._store.page(name, paging)
