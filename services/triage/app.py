"""Triage put together."""

from services.triage.domain.defaults import default_matrix, default_model
from services.triage.settings import TriageSettings
from services.triage.storage.assessment_store import AssessmentStore
from services.triage.storage.component_store import ComponentStore
from services.triage.storage.matrix_store import MatrixStore
from services.triage.storage.slo_document_store import SloDocumentStore
from services.triage.storage.slo_imports import SloImports
from services.triage.storage.slo_store import SloStore
from services.triage.storage.tables import MIGRATIONS
from services.triage.transport import slo_servicer
from services.triage.transport.events import IncidentEvents, encode
from services.triage.transport.servicer import SERVICE, TriageServicer
from services.triage.usecases.assessments import Assessments
from services.triage.usecases.catalogue import Catalogue
from services.triage.usecases.matrices import Matrices
from services.triage.usecases.slos import Slos
from shared.app import App
from shared.clock import Clock, RealClock

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
    app.receive(IncidentEvents(assessments).handlers())
    return app
