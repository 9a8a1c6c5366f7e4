"""Exporting lineage as a document that others read: PROV, or links of CDEvents."""

import json
from enum import StrEnum

from services.governance.domain.cd_event import links_of
from services.governance.domain.errors import LineageTooLarge
from services.governance.domain.lineage import LineageQuery
from services.governance.domain.provenance import document_of
from services.governance.usecases.trace_lineage import TraceLineage
from shared.paging import LARGEST_PAGE_SIZE, page_query


class LineageFormat(StrEnum):
    """How lineage is written; the value is the media type."""

    PROV_JSON_LD = "application/ld+json"
    CDEVENTS_LINKS = "application/json"


class ExportLineage:
    """Writes what one page holds, so that a document is whole and of one moment, or not written at all."""

    def __init__(self, trace: TraceLineage) -> None:
        self._trace = trace

    async def __call__(self, query: LineageQuery, form: LineageFormat) -> str:
        """Raises NodeNotFound, LineageTooLarge."""
        page = await self._trace(query, page_query(LARGEST_PAGE_SIZE, "", "ExportLineage"))
        if page.next_page_token:
            raise LineageTooLarge(LARGEST_PAGE_SIZE)
        if form is LineageFormat.CDEVENTS_LINKS:
            return json.dumps(links_of(page.edges), ensure_ascii=False, indent=2)
        document = document_of([each.node for each in page.nodes], page.edges)
        return json.dumps(document, ensure_ascii=False, indent=2)
