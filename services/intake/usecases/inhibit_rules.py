"""Keeping inhibit rules: reading their revisions and making new ones."""

from services.intake.domain.inhibition import InhibitRule, InhibitRules, check_rules
from services.intake.storage.inhibit_store import InhibitStore
from shared.clock import Clock
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name


class InhibitRulebook:
    """The revisions of the inhibit rules."""

    def __init__(self, store: InhibitStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def get(self, revision: int) -> InhibitRules:
        return await self._store.get(revision)

    async def page(self, paging: PageQuery) -> Page[InhibitRules]:
        return await self._store.page(paging)

    async def replace(self, rules: tuple[InhibitRule, ...], etag: str, reason: str, *, validate_only: bool) -> InhibitRules:
        """Returns the next revision, stored unless it was only to be checked. Raises what `check_rules` and the store do."""
        made = InhibitRules(0, rules, current_principal_name(), reason, self._clock.now())
        check_rules(made)
        return await self._store.replace(made, etag, validate_only=validate_only)
