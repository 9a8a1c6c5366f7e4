"""Importing catalogue files: reading document by document, then landing all that is good."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice

from services.triage.domain.catalogue_import import Gathered, ImportProgress, ImportSummary
from services.triage.domain.entity import DocumentReading
from services.triage.domain.entity_document import read_document
from services.triage.domain.errors import CatalogueTooLarge
from services.triage.storage.catalogue_store import CatalogueStore
from shared.clock import Clock
from shared.yaml_documents import DocumentText, documents_of

MOST_DOCUMENTS = 50_000
_AT_ONCE = 200  # documents read in one go: some 50 ms

File = tuple[str, str]
"""Name and text."""


class CatalogueImports:
    """Imports of files."""

    def __init__(self, store: CatalogueStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def run(self, files: Sequence[File], tell: Callable[[ImportProgress], None], *, validate_only: bool) -> ImportSummary:
        """Lands every good entity, and says what became of each document. Raises CatalogueTooLarge."""
        documents = await asyncio.to_thread(_cut, files)
        gathered, rest = Gathered(), iter(documents)
        while part := list(islice(rest, _AT_ONCE)):
            # In a thread: the loop answers others meanwhile.
            gathered.add(await asyncio.to_thread(_read, part))
            tell(ImportProgress(gathered.document_count, len(documents), len(gathered.refused)))

        def stored(count: int) -> None:
            tell(ImportProgress(count, len(gathered.components), len(gathered.refused), is_storing=True))

        stored(0)
        return await self._store.land(gathered, self._clock.now(), stored, validate_only=validate_only)


def _cut(files: Sequence[File]) -> list[tuple[str, DocumentText]]:
    found: list[tuple[str, DocumentText]] = []
    for name, text in files:
        found += ((name, each) for each in islice(documents_of(text), MOST_DOCUMENTS + 1))
        if len(found) > MOST_DOCUMENTS:
            raise CatalogueTooLarge(len(found), MOST_DOCUMENTS)
    return found


def _read(documents: Sequence[tuple[str, DocumentText]]) -> list[DocumentReading]:
    return [read_document(text, name) for name, text in documents]
