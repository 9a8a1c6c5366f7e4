"""Keeping the gating rules: reading their versions, making new ones, and having the newest ready to be asked."""

from services.triage.domain.gate import Gates, GatesRevision, Rules, gates_of
from shared.clock import Clock
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name
from shared.revisions import RevisionStore


class Gating:
    """The versions of the gating rules."""

    def __init__(self, store: RevisionStore[Rules], clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._ready = Gates(0)

    async def newest(self, known: int | None = None) -> GatesRevision:
        """Returns the newest version; asks the store for it unless it is the one `known` to be the newest."""
        return self._store.at_hand(known) or await self._store.newest(self._clock.now())

    async def in_force(self, known: int | None = None) -> Gates:
        """Returns the newest version ready to be asked; compiled once."""
        newest = await self.newest(known)
        if self._ready.revision != newest.revision:
            self._ready = gates_of(newest.revision, newest.document)
        return self._ready

    async def get(self, revision: int) -> GatesRevision:
        """Returns a version, the newest for 0."""
        newest = await self.newest()
        return newest if revision in {0, newest.revision} else await self._store.get(revision)

    async def page(self, paging: PageQuery) -> Page[GatesRevision]:
        await self.newest()
        return await self._store.page(paging)

    async def update(self, rules: Rules, etag: str, reason: str, *, validate_only: bool, author: str = "") -> GatesRevision:
        """Makes a new version on behalf of the caller, or of `author`; what would be made, when only to be validated.

        Raises GatesRefused, Conflict.
        """
        newest = await self.newest()
        gates_of(newest.revision + 1, rules)
        made = GatesRevision(newest.revision + 1, rules, author or current_principal_name(), reason, self._clock.now())
        return await self._store.replace(etag, made, validate_only=validate_only)
