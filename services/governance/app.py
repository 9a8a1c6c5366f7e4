"""Governance put together."""

from services.governance.domain.approval_defaults import default_rules
from services.governance.settings import GovernanceSettings
from services.governance.storage.approval_rule_rows import rule_store
from services.governance.storage.approval_store import ApprovalStore
from services.governance.storage.ledger_store import LedgerStore
from services.governance.storage.lineage_store import LineageStore
from services.governance.storage.record_store import RecordStore
from services.governance.storage.tables import MIGRATIONS
from services.governance.transport import approval_rule_servicer, approval_servicer
from services.governance.transport.approval_events import encode
from services.governance.transport.events import Arrivals
from services.governance.transport.servicer import SERVICE, GovernanceServicer
from services.governance.usecases.approvals import Approvals
from services.governance.usecases.ledger import Ledger
from services.governance.usecases.record_events import RecordEvents
from services.governance.usecases.rulebook import Rulebook
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
    _serve_approvals(app)
    app.receive(Arrivals(record_events).handlers())
    return app


def _serve_approvals(app: App) -> None:
    """Asks others to agree, by rules; what time alone does to approvals is told every minute."""
    store = ApprovalStore(app.database, app.outbox)
    rulebook = Rulebook(rule_store(app.database, app.outbox, default_rules()), store, app.clock)
    approvals = Approvals(store, rulebook, app.clock)
    app.serve(approval_servicer.SERVICE, approval_servicer.ApprovalServicer(app.database, approvals, app.feed, app.clock))
    app.serve(approval_rule_servicer.SERVICE, approval_rule_servicer.ApprovalRuleServicer(app.database, rulebook))
    app.every("* * * * *", "approvals", approvals.tick)
