"""The parts of lineage, put together: what walks, explains, corrects, awaits, takes and exports it."""

from dataclasses import dataclass
from datetime import timedelta

from services.governance.storage.impact_store import ImpactStore
from services.governance.storage.ledger_store import LedgerStore
from services.governance.storage.lineage_store import LineageStore
from services.governance.storage.link_store import LinkStore
from services.governance.storage.record_store import RecordStore
from services.governance.usecases.correct_link import CorrectLink, EncodeCorrection
from services.governance.usecases.explain_link import Draw, ExplainLink
from services.governance.usecases.export_lineage import ExportLineage
from services.governance.usecases.get_impact import GetImpact, ReadFact
from services.governance.usecases.ledger_parts import Ground, LedgerParts
from services.governance.usecases.link_events import LinkEvents, ReadDocument
from services.governance.usecases.pending_links import PendingLinks
from services.governance.usecases.trace_lineage import TraceLineage


@dataclass(frozen=True, slots=True)
class Readers:
    """How what stands in the ledger, and what people hand in, is read and written."""

    draw: Draw
    read_fact: ReadFact
    read_document: ReadDocument
    encode_correction: EncodeCorrection


class LineageParts:
    """One of each."""

    def __init__(self, ground: Ground, ledger: LedgerParts, readers: Readers, *, walk_limit: int, patience: timedelta) -> None:
        database = ground.database
        links = LinkStore(database, RecordStore(database))
        self.trace = TraceLineage(LineageStore(database), walk_limit)
        self.export = ExportLineage(self.trace)
        self.impact = GetImpact(ImpactStore(database), readers.read_fact)
        self.explain = ExplainLink(links, LedgerStore(database), readers.draw)
        self.correct = CorrectLink(links, ledger.ledger, readers.encode_correction, ground.clock)
        self.pending = PendingLinks(links, ground.clock, ground.meter, patience)
        self.link_events = LinkEvents(ledger.record_events, LedgerStore(database), readers.read_document)
