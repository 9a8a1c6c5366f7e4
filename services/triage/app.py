"""Triage put together."""

from datetime import timedelta
from functools import partial

from services.triage.clients import PrometheusClient
from services.triage.domain.budget_policy import default_policy
from services.triage.domain.defaults import default_matrix, default_model
from services.triage.settings import TriageSettings
from services.triage.storage.assessment_store import AssessmentStore
from services.triage.storage.budget_incident_store import BudgetIncidentStore
from services.triage.storage.budget_policy_store import BudgetPolicyStore
from services.triage.storage.budget_state_store import BudgetStateStore
from services.triage.storage.budget_store import BudgetStore
from services.triage.storage.budgeted_slos import BudgetedSlos
from services.triage.storage.component_store import ComponentStore
from services.triage.storage.matrix_store import MatrixStore
from services.triage.storage.sli_store import SliStore
from services.triage.storage.slo_document_store import SloDocumentStore
from services.triage.storage.slo_imports import SloImports
from services.triage.storage.slo_store import SloStore
from services.triage.storage.tables import MIGRATIONS
from services.triage.transport import budget_policy_servicer, error_budget_servicer, sli_servicer, slo_servicer
from services.triage.transport.budget_events import BudgetSources
from services.triage.transport.events import IncidentEvents, both, encode
from services.triage.transport.servicer import SERVICE, TriageServicer
from services.triage.usecases.assessments import Assessments
from services.triage.usecases.budget_evaluation import BudgetEvaluation
from services.triage.usecases.budget_policies import BudgetPolicies
from services.triage.usecases.budget_readings import BudgetReadings
from services.triage.usecases.budget_watch import BudgetWatch, SliHousekeeping
from services.triage.usecases.budgets import Budgets, IncidentUses, Samples
from services.triage.usecases.catalogue import Catalogue
from services.triage.usecases.matrices import Matrices
from services.triage.usecases.sli_pulling import SliPulling
from services.triage.usecases.slos import Slos
from shared.app import App
from shared.clock import Clock, RealClock, SimulatedClock

NAME = "triage"


async def build(settings: TriageSettings, clock: Clock | None = None) -> App:
    """Builds the service; nothing listens or connects until it is started."""
    app = App(NAME, settings, clock or RealClock(), encode=encode, migrations=MIGRATIONS)
    components = ComponentStore(app.database, app.outbox)
    matrices = Matrices(MatrixStore(app.database, app.outbox, default_matrix()), app.clock)
    catalogue = Catalogue(components, app.clock)
    assessments = Assessments(AssessmentStore(app.database, app.outbox), components, matrices, default_model(settings.currency), app.clock)
    app.serve(SERVICE, TriageServicer(app.database, catalogue, matrices, assessments))
    slo_imports, slo_store = SloImports(app.database, app.outbox), SloStore(app.database, app.outbox)
    slos = Slos(slo_imports, slo_store, SloDocumentStore(app.database), app.clock)
    app.serve(slo_servicer.SERVICE, slo_servicer.SloServicer(app.database, slos))
    budgets = BudgetParts(app)
    app.serve(sli_servicer.SERVICE, sli_servicer.SliServicer(app.database, budgets.samples))
    app.serve(error_budget_servicer.SERVICE, budgets.servicer())
    app.serve(budget_policy_servicer.SERVICE, budget_policy_servicer.BudgetPolicyServicer(app.database, budgets.policies))
    app.receive(both(IncidentEvents(assessments).handlers(), budgets.sources.handlers()))
    app.every("* * * * *", "budgets", budgets.watch.tick)
    app.every("37 * * * *", "indicator detail", SliHousekeeping(budgets.series).run)
    app.background("budgets", partial(budgets.watch.beat, app.clock))
    _pull(app, settings, budgets)
    return app


def _pull(app: App, settings: TriageSettings, budgets: "BudgetParts") -> None:
    client = PrometheusClient(settings.prometheus_hosts, timedelta(seconds=settings.pull_deadline_seconds))
    app.closing(client.close)
    interval = timedelta(seconds=settings.pull_interval_seconds)
    pulling = SliPulling(budgets.slos, budgets.samples, client, settings.prometheus_url, interval)
    if isinstance(app.clock, SimulatedClock):  # on a simulated clock things are due when it moves, and only then
        app.every("* * * * *", "indicators", pulling.pull)
    else:
        app.background("indicators", partial(pulling.run, app.clock))


class BudgetParts:
    """What error budgets are made of."""

    def __init__(self, app: App) -> None:
        self._app = app
        database, outbox = app.database, app.outbox
        self.slos, store, self.series = BudgetedSlos(database), BudgetStore(database), SliStore(database)
        incidents, states = BudgetIncidentStore(database, outbox), BudgetStateStore(database, outbox)
        policies = BudgetPolicyStore(database, outbox, default_policy())
        readings = BudgetReadings(self.series, store)
        evaluation = BudgetEvaluation(readings, incidents, states)
        self.sources = BudgetSources(incidents, store)
        self.policies = BudgetPolicies(policies, app.clock)
        self.watch = BudgetWatch(self.slos, evaluation, policies, states, incidents)
        self.samples = Samples(self.slos, self.series, self.watch, app.clock)
        self._budgets = Budgets(self.slos, store, readings, evaluation, policies)
        self._uses = IncidentUses(self.slos, incidents, evaluation, policies)

    def servicer(self) -> error_budget_servicer.ErrorBudgetServicer:
        app = self._app
        return error_budget_servicer.ErrorBudgetServicer(app.database, self._budgets, self._uses, app.feed, app.clock)
