"""Governance put together."""

from datetime import timedelta

from services.governance.domain.approval_defaults import default_rules
from services.governance.domain.reconciliation import Patience
from services.governance.settings import GovernanceSettings
from services.governance.storage.access_store import AccessStore
from services.governance.storage.approval_rule_rows import rule_store
from services.governance.storage.approval_store import ApprovalStore
from services.governance.storage.tables import MIGRATIONS
from services.governance.transport import (
    access_servicer,
    approval_rule_servicer,
    approval_servicer,
    ledger_servicer,
    lineage_servicer,
    segment_servicer,
)
from services.governance.transport.approval_events import encode
from services.governance.transport.approval_witness import WITNESS
from services.governance.transport.ledger_convert import erasure_record, segment_record
from services.governance.transport.reconciliation_convert import manifest_from_payload
from services.governance.transport.servicer import SERVICE, GovernanceServicer
from services.governance.transport.sink_servicer import SinkServicer
from services.governance.usecases.accesses import Accesses
from services.governance.usecases.approvals import Approvals
from services.governance.usecases.ledger_parts import Forms, Ground, LedgerParts
from services.governance.usecases.lineage_parts import LineageParts
from services.governance.usecases.rulebook import Rulebook
from shared.app import App
from shared.clock import Clock, RealClock
from shared.events import sink
from shared.transparency.note import Signer
from shared.transparency.signing_key import signer_from_file

NAME = "governance"


async def build(settings: GovernanceSettings, clock: Clock | None = None) -> App:
    """Builds the service; nothing listens or connects until it is started."""
    app = App(NAME, settings, clock or RealClock(), encode=encode, migrations=MIGRATIONS)
    ground = _ground(app, settings)
    parts = _serve_ledger(app, ground)
    lineage = _serve_lineage(app, ground, parts, settings)
    app.serve(SERVICE, GovernanceServicer(parts.ledger, lineage.trace))
    _serve_approvals(app)
    app.serve(sink.SERVICE, SinkServicer(parts.record_events))
    _serve_access_log(app, settings)
    return app


def _serve_access_log(app: App, settings: GovernanceSettings) -> None:
    """Lists who called what, and forgets it in time."""
    accesses = Accesses(AccessStore(app.database), timedelta(days=settings.access_retention_days))
    app.serve(access_servicer.SERVICE, access_servicer.AccessServicer(accesses))
    app.every("29 3 * * *", "access", accesses.tick)


def _ground(app: App, settings: GovernanceSettings) -> Ground:
    patience = Patience(timedelta(seconds=settings.delivery_patience_seconds), timedelta(seconds=settings.manifest_patience_seconds))
    return Ground(app.database, app.clock, app.telemetry.meter, _signer(settings), patience, settings.verification_batch)


def _serve_ledger(app: App, ground: Ground) -> LedgerParts:
    """Keeps the ledger, proves it, and watches whether it is whole."""
    parts = LedgerParts(ground, Forms(erasure_record, segment_record, manifest_from_payload))
    app.closing(parts.ledger.close)
    app.serve(ledger_servicer.SERVICE, ledger_servicer.LedgerServicer(app.database, parts))
    app.serve(segment_servicer.SERVICE, segment_servicer.SegmentServicer(app.database, parts.segments))
    app.every("* * * * *", "checkpoint", parts.proofs.tick)
    app.every("* * * * *", "reconciliation", parts.reconciliations.tick)
    return parts


def _serve_lineage(app: App, ground: Ground, ledger: LedgerParts, settings: GovernanceSettings) -> LineageParts:
    """Walks, explains, corrects and exports the lineage, and watches for what never came."""
    patience = timedelta(seconds=settings.lineage_patience_seconds)
    parts = LineageParts(ground, ledger, lineage_servicer.READERS, walk_limit=settings.lineage_walk_limit, patience=patience)
    app.serve(lineage_servicer.SERVICE, lineage_servicer.LineageServicer(app.database, parts))
    app.every("* * * * *", "pending_links", parts.pending.tick)
    return parts


def _signer(settings: GovernanceSettings) -> Signer:
    path = settings.signing_key or settings.state_dir / "ledger-key.pem"
    return signer_from_file(settings.origin, path, make=settings.signing_key is None)


def _serve_approvals(app: App) -> None:
    """Asks others to agree, by rules; what time alone does to approvals is told every minute."""
    store = ApprovalStore(app.database, app.outbox, WITNESS)
    rulebook = Rulebook(rule_store(app.database, app.outbox, default_rules()), store, app.clock)
    approvals = Approvals(store, rulebook, app.clock)
    app.serve(approval_servicer.SERVICE, approval_servicer.ApprovalServicer(app.database, approvals, app.feed, app.clock))
    app.serve(approval_rule_servicer.SERVICE, approval_rule_servicer.ApprovalRuleServicer(app.database, rulebook))
    app.every("* * * * *", "approvals", approvals.tick)
