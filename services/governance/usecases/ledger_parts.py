"""The parts of the ledger, put together: what grows, proves, exports, erases and reconciles it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.governance.domain.reconciliation import Patience
from services.governance.storage.erasure_store import ErasureStore
from services.governance.storage.ledger_store import LedgerStore
from services.governance.storage.reconciliation_store import Decode, ReconciliationStore
from services.governance.storage.record_store import RecordStore
from services.governance.storage.segment_store import SegmentStore
from services.governance.usecases import erasures, segments
from services.governance.usecases.erasures import Erasures
from services.governance.usecases.exports import Exports
from services.governance.usecases.ledger import Ledger
from services.governance.usecases.proofs import Proofs
from services.governance.usecases.reconciliations import Reconciliations
from services.governance.usecases.record_events import RecordEvents
from services.governance.usecases.segments import Segments
from shared.clock import Clock
from shared.storage.database import Database
from shared.transparency.note import Signer

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

_EXPORT_BATCH = 500


@dataclass(frozen=True, slots=True)
class Ground:
    """What the parts stand on."""

    database: Database
    clock: Clock
    meter: "Meter"
    signer: Signer
    patience: Patience
    verification_batch: int


@dataclass(frozen=True, slots=True)
class Forms:
    """How what governance writes into the ledger is encoded, and what others say of theirs is read."""

    erasure: erasures.Encode
    segment: segments.Encode
    manifest: Decode


class LedgerParts:
    """One of each."""

    def __init__(self, ground: Ground, forms: Forms) -> None:
        store, records = LedgerStore(ground.database), RecordStore(ground.database)
        self.ledger = Ledger(store, ground.verification_batch)
        self.proofs = Proofs(store, ground.signer, ground.clock)
        segment_store = SegmentStore(ground.database, records)
        self.exports = Exports((store, segment_store), self.proofs, _EXPORT_BATCH)
        self.record_events = RecordEvents(records, self.ledger, ground.clock)
        self.erasures = Erasures(ErasureStore(ground.database, records), self.ledger, forms.erasure, ground.clock)
        self.reconciliations = Reconciliations(ReconciliationStore(ground.database, ground.patience), forms.manifest, ground.meter)
        self.segments = Segments((segment_store, store), self.ledger, self.proofs, forms.segment, ground.clock)
