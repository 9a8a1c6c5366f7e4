"""Keeping SLOs: importing documents, writing them out again, and reading what they mean."""

import asyncio
from collections.abc import Sequence

from services.triage.domain.errors import SloBundleTooLarge
from services.triage.domain.openslo_tree import yaml_of
from services.triage.domain.slo import StoredSlo
from services.triage.domain.slo_bundle import MOST_DOCUMENTS, read_bundle
from services.triage.domain.slo_document import StoredDocument
from services.triage.domain.slo_import import ImportPlan, Occasion, plan_import
from services.triage.storage.slo_document_store import SloDocumentStore
from services.triage.storage.slo_imports import SloImports
from services.triage.storage.slo_store import SloStore
from shared.clock import Clock
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name


class Slos:
    """What is promised of components."""

    def __init__(self, imports: SloImports, store: SloStore, documents: SloDocumentStore, clock: Clock) -> None:
        self._imports = imports
        self._store = store
        self._documents = documents
        self._clock = clock

    async def import_(self, text: str, *, validate_only: bool) -> ImportPlan:
        """Stores the good documents of a text and says of every one what became of it. Raises SloBundleTooLarge."""
        read = await asyncio.to_thread(read_bundle, text)  # a large text takes a second, and others wait for none of it
        if len(read) > MOST_DOCUMENTS:
            raise SloBundleTooLarge(MOST_DOCUMENTS)
        good = [each for each in read if not each.problems]
        wanted = [ref.key for each in good for ref in each.references]
        occasion = Occasion(current_principal_name(), self._clock.now())
        keys = [each.key for each in good]
        return await self._imports.apply(keys, wanted, lambda held: plan_import(read, held, occasion), validate_only=validate_only)

    async def export(self, names: Sequence[str], *, with_references: bool, paging: PageQuery) -> tuple[str, Page[StoredDocument]]:
        """Returns a page of documents, and the YAML that imports equal to them."""
        page = await self._documents.export_page(names, with_references=with_references, query=paging)
        return await asyncio.to_thread(yaml_of, [each.tree for each in page.items]), page

    async def get(self, name: str, revision: int) -> StoredSlo:
        return await self._store.get(name, revision)

    async def page(self, component: str, owner_team: str, paging: PageQuery) -> Page[StoredSlo]:
        return await self._store.page(component, owner_team, paging)

    async def revisions(self, name: str, paging: PageQuery) -> Page[tuple[StoredSlo, bool]]:
        return await self._store.revisions(name, paging)

    async def delete(self, name: str, etag: str) -> StoredSlo:
        return await self._store.delete(name, etag, current_principal_name(), self._clock.now())

    async def document(self, name: str, revision: int) -> StoredDocument:
        return await self._documents.get(name, revision)

    async def document_page(self, kind: str, paging: PageQuery) -> Page[StoredDocument]:
        return await self._documents.page(kind, paging)
