"""Triage put together."""

from datetime import timedelta
from functools import partial

from services.triage.clients import PrometheusClient
from services.triage.domain.defaults import default_gates, default_matrix, default_model
from services.triage.domain.escalation import EscalationRule
from services.triage.domain.triage_cost import default_costs
from services.triage.settings import TriageSettings
from services.triage.storage.assessment_store import AssessmentStore
from services.triage.storage.catalogue_store import CatalogueStore
from services.triage.storage.component_store import ComponentStore
from services.triage.storage.drift_store import DriftStore
from services.triage.storage.escalation_store import EscalationStore
from services.triage.storage.gate_store import gate_store
from services.triage.storage.label_store import LabelStore
from services.triage.storage.matrix_store import matrix_store
from services.triage.storage.model_store import ModelStore
from services.triage.storage.override_store import OverrideStore
from services.triage.storage.slo_document_store import SloDocumentStore
from services.triage.storage.slo_imports import SloImports
from services.triage.storage.slo_store import SloStore
from services.triage.storage.surroundings_store import SurroundingsStore
from services.triage.storage.tables import MIGRATIONS
from services.triage.transport import (
    budget_policy_servicer,
    calibration_servicer,
    catalogue_servicer,
    documents,
    error_budget_servicer,
    gate_servicer,
    queue_servicer,
    sli_servicer,
    slo_servicer,
)
from services.triage.transport.budget_events import BudgetSources
from services.triage.transport.events import IncidentEvents, OwnEvents, encode, of_incidents
from services.triage.transport.servicer import SERVICE, TriageServicer
from services.triage.usecases.assessments import Assessments, Sources, Yardsticks
from services.triage.usecases.budget_parts import BudgetParts
from services.triage.usecases.calibrations import Calibrations
from services.triage.usecases.catalogue import Catalogue
from services.triage.usecases.catalogue_imports import CatalogueImports
from services.triage.usecases.drift_watch import DriftWatch
from services.triage.usecases.escalations import Escalations
from services.triage.usecases.gate_trials import GateTrials
from services.triage.usecases.gating import Gating
from services.triage.usecases.labels import Labels
from services.triage.usecases.landscape import Landscape
from services.triage.usecases.matrices import Matrices
from services.triage.usecases.overrides import Overrides
from services.triage.usecases.slos import Slos
from shared.amendments.control import AmendmentControl
from shared.app import App
from shared.approvals.hearing import approval_handlers
from shared.clock import Clock, RealClock, SimulatedClock

NAME = "triage"


async def build(settings: TriageSettings, clock: Clock | None = None) -> App:
    """Builds the service; nothing listens or connects until it is started."""
    app = App(NAME, settings, clock or RealClock(), encode=encode, migrations=MIGRATIONS)
    components, imported = ComponentStore(app.database, app.outbox), CatalogueStore(app.database, app.outbox)
    catalogue, landscape = Catalogue(components, imported, app.clock), Landscape(components)
    found, parts = AssessmentStore(app.database, app.outbox, settings.currency), BudgetParts(app.database, app.outbox, app.clock)
    matrices = Matrices(matrix_store(app.database, app.outbox, default_matrix()), found, app.clock)
    gating = Gating(gate_store(app.database, app.outbox, default_gates()), app.clock)
    yardsticks = Yardsticks(default_model(settings.currency), matrices, gating)
    assessments = Assessments(found, Sources(SurroundingsStore(app.database), landscape, yardsticks), app.clock)
    overrides = Overrides(found, OverrideStore(app.database), assessments, app.clock)
    escalations = Escalations(EscalationStore(app.database, app.outbox), EscalationRule(*settings.escalate_at), app.clock)
    app.every("* * * * *", "escalations", escalations.tick)
    control = app.control(*documents.kinds(matrices, gating, trials := GateTrials(found, assessments, gating), parts, app.clock))
    app.serve(SERVICE, TriageServicer(app.database, catalogue, matrices, assessments, control))
    importer = CatalogueImports(imported, app.clock)
    app.serve(catalogue_servicer.SERVICE, catalogue_servicer.CatalogueServicer(app.database, catalogue, importer, landscape))
    app.serve(queue_servicer.SERVICE, queue_servicer.QueueServicer(app.database, overrides, escalations, app.feed))
    app.serve(gate_servicer.SERVICE, gate_servicer.GateServicer(app.database, gating, trials, control))
    _serve_slos(app)
    incidents, budgets = IncidentEvents(assessments, _serve_calibration(app, yardsticks)), _serve_budgets(app, settings, parts, control)
    handlers = budgets.handlers() | OwnEvents(assessments).handlers() | approval_handlers(app.clock, control.progress.hear)
    app.receive(handlers, of_incidents(incidents.take, budgets.take))
    return app


def _serve_calibration(app: App, yardsticks: Yardsticks) -> Labels:
    """How assessments did, and whether that changes; returns what takes the word of people."""
    store, costs = LabelStore(app.database), default_costs()
    calibrations = Calibrations(store, ModelStore(app.database), yardsticks, costs=costs, clock=app.clock)
    app.serve(calibration_servicer.SERVICE, calibration_servicer.CalibrationServicer(app.database, calibrations))
    watch = DriftWatch(store, DriftStore(app.database, app.outbox), yardsticks.model, costs, app.telemetry.meter)
    app.every("41 * * * *", "drift", watch.tick)
    return Labels(store, app.clock)


def _serve_slos(app: App) -> None:
    """Keeps SLOs and the documents they come from."""
    imports, store = SloImports(app.database, app.outbox), SloStore(app.database, app.outbox)
    slos = Slos(imports, store, SloDocumentStore(app.database), app.clock)
    app.serve(slo_servicer.SERVICE, slo_servicer.SloServicer(app.database, slos))


def _serve_budgets(app: App, settings: TriageSettings, parts: BudgetParts, control: AmendmentControl) -> BudgetSources:
    """Takes what was counted, and says what remains of budgets and what follows; returns what hears of incidents and planned work."""
    app.serve(sli_servicer.SERVICE, sli_servicer.SliServicer(app.database, parts.samples))
    app.serve(budget_policy_servicer.SERVICE, budget_policy_servicer.BudgetPolicyServicer(app.database, parts.policies, control))
    app.serve(error_budget_servicer.SERVICE, error_budget_servicer.ErrorBudgetServicer(app.database, parts, app.feed, app.clock))
    app.every("* * * * *", "budgets", parts.watch.tick)
    app.every("37 * * * *", "indicator detail", parts.housekeeping.run)
    app.background("budgets", partial(parts.watch.beat, app.clock))
    client = PrometheusClient(settings.prometheus_hosts, timedelta(seconds=settings.pull_deadline_seconds))
    app.closing(client.close)
    pull = parts.pulling(client, settings.prometheus_url, timedelta(seconds=settings.pull_interval_seconds), app.telemetry.meter)
    if isinstance(app.clock, SimulatedClock):  # on a simulated clock things are due when it moves, and only then
        app.every("* * * * *", "indicators", pull.pull)
    else:
        app.background("indicators", partial(pull.run, app.clock))
    return BudgetSources(parts.incidents, parts.store)
