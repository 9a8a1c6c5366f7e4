"""Governance put together."""

from services.governance.settings import GovernanceSettings
from services.governance.storage.ledger_store import LedgerStore
from services.governance.storage.lineage_store import LineageStore
from services.governance.storage.record_store import RecordStore
from services.governance.storage.tables import MIGRATIONS
from services.governance.transport.events import Arrivals, encode
from services.governance.transport.servicer import SERVICE, GovernanceServicer
from services.governance.usecases.ledger import Ledger
from services.governance.usecases.record_events import RecordEvents
from services.governance.usecases.trace_lineage import TraceLineage
from shared.app import App
from shared.clock import Clock, RealClock

NAME = "governance"


async def build(settings: GovernanceSettings, clock: Clock | None = None) -> App:
    """Builds the service; nothing listens or connects until it is started."""
    app = App(NAME, settings, clock or RealClock(), encode=encode, migrations=MIGRATIONS)
    record_events = RecordEvents(RecordStore(app.database), app.clock)
    ledger = Ledger(LedgerStore(app.database), settings.verification_batch)
    trace_lineage = TraceLineage(LineageStore(app.database), settings.lineage_walk_limit)
    app.serve(SERVICE, GovernanceServicer(ledger, trace_lineage))
    app.receive(Arrivals(record_events).handlers())
    return app
