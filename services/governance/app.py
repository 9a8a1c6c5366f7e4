"""Governance put together."""

from services.governance.settings import GovernanceSettings
from services.governance.storage.erasure_store import ErasureStore
from services.governance.storage.ledger_store import LedgerStore
from services.governance.storage.lineage_store import LineageStore
from services.governance.storage.record_store import RecordStore
from services.governance.storage.tables import MIGRATIONS
from services.governance.transport import ledger_servicer
from services.governance.transport.events import encode
from services.governance.transport.ledger_convert import erasure_record
from services.governance.transport.servicer import SERVICE, GovernanceServicer
from services.governance.transport.sink_servicer import SinkServicer
from services.governance.usecases.erasures import Erasures
from services.governance.usecases.exports import Exports
from services.governance.usecases.ledger import Ledger
from services.governance.usecases.proofs import Proofs
from services.governance.usecases.record_events import RecordEvents
from services.governance.usecases.trace_lineage import TraceLineage
from shared.app import App
from shared.clock import Clock, RealClock
from shared.events import sink
from shared.transparency.note import Signer
from shared.transparency.signing_key import signer_from_file

NAME = "governance"
_EXPORT_BATCH = 500


async def build(settings: GovernanceSettings, clock: Clock | None = None) -> App:
    """Builds the service; nothing listens or connects until it is started."""
    app = App(NAME, settings, clock or RealClock(), encode=encode, migrations=MIGRATIONS)
    ledger_store = LedgerStore(app.database)
    ledger = Ledger(ledger_store, settings.verification_batch)
    app.closing(ledger.close)
    proofs = Proofs(ledger_store, _signer(settings), app.clock)
    app.every("* * * * *", "checkpoint", proofs.tick)
    records = RecordStore(app.database)
    record_events = RecordEvents(records, ledger, app.clock)
    erasures = Erasures(ErasureStore(app.database, records), ledger, erasure_record, app.clock)
    trace_lineage = TraceLineage(LineageStore(app.database), settings.lineage_walk_limit)
    app.serve(SERVICE, GovernanceServicer(ledger, trace_lineage))
    exports = Exports(ledger_store, proofs, _EXPORT_BATCH)
    app.serve(ledger_servicer.SERVICE, ledger_servicer.LedgerServicer(app.database, ledger, proofs, exports, erasures))
    app.serve(sink.SERVICE, SinkServicer(record_events))
    return app


def _signer(settings: GovernanceSettings) -> Signer:
    path = settings.signing_key or settings.state_dir / "ledger-key.pem"
    return signer_from_file(settings.origin, path, make=settings.signing_key is None)
