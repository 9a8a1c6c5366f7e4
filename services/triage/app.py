"""Triage put together."""

from services.triage.domain.defaults import default_gates, default_matrix, default_model
from services.triage.settings import TriageSettings
from services.triage.storage.assessment_store import AssessmentStore
from services.triage.storage.catalogue_store import CatalogueStore
from services.triage.storage.component_store import ComponentStore
from services.triage.storage.gate_store import gate_store
from services.triage.storage.matrix_store import matrix_store
from services.triage.storage.override_store import OverrideStore
from services.triage.storage.tables import MIGRATIONS
from services.triage.transport import catalogue_servicer, gate_servicer, queue_servicer
from services.triage.transport.events import IncidentEvents, OwnEvents, encode
from services.triage.transport.servicer import SERVICE, TriageServicer
from services.triage.usecases.assessments import Assessments, Yardsticks
from services.triage.usecases.catalogue import Catalogue
from services.triage.usecases.catalogue_imports import CatalogueImports
from services.triage.usecases.gate_trials import GateTrials
from services.triage.usecases.gating import Gating
from services.triage.usecases.landscape import Landscape
from services.triage.usecases.matrices import Matrices
from services.triage.usecases.overrides import Overrides
from shared.app import App
from shared.clock import Clock, RealClock

NAME = "triage"


async def build(settings: TriageSettings, clock: Clock | None = None) -> App:
    """Builds the service; nothing listens or connects until it is started."""
    app = App(NAME, settings, clock or RealClock(), encode=encode, migrations=MIGRATIONS)
    components = ComponentStore(app.database, app.outbox)
    imported = CatalogueStore(app.database, app.outbox)
    catalogue = Catalogue(components, imported, app.clock)
    landscape = Landscape(components)
    found = AssessmentStore(app.database, app.outbox, settings.currency)
    matrices = Matrices(matrix_store(app.database, app.outbox, default_matrix()), found, app.clock)
    gating = Gating(gate_store(app.database, app.outbox, default_gates()), app.clock)
    assessments = Assessments(found, landscape, Yardsticks(default_model(settings.currency), matrices, gating), app.clock)
    overrides = Overrides(found, OverrideStore(app.database), assessments, app.clock)
    imports = CatalogueImports(imported, app.clock)
    app.serve(SERVICE, TriageServicer(app.database, catalogue, matrices, assessments))
    app.serve(catalogue_servicer.SERVICE, catalogue_servicer.CatalogueServicer(app.database, catalogue, imports, landscape))
    app.serve(queue_servicer.SERVICE, queue_servicer.QueueServicer(app.database, overrides, app.feed))
    app.serve(gate_servicer.SERVICE, gate_servicer.GateServicer(app.database, gating, GateTrials(found, assessments, gating)))
    app.receive(IncidentEvents(assessments).handlers() | OwnEvents(assessments).handlers())
    return app
