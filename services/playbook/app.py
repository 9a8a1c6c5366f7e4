"""Playbook put together."""

from services.playbook.settings import PlaybookSettings
from services.playbook.storage.bundle_store import BundleStore
from services.playbook.storage.case_store import CaseStore
from services.playbook.storage.tables import MIGRATIONS
from services.playbook.storage.template_folder import load_templates
from services.playbook.transport.events import FactEvents, encode
from services.playbook.transport.servicer import SERVICE, PlaybookServicer
from services.playbook.transport.tracing import RenderTrace
from services.playbook.usecases.catalogue import Catalogue
from services.playbook.usecases.facts import Facts
from services.playbook.usecases.renders import Renders
from shared.app import App
from shared.clock import Clock, RealClock

NAME = "playbook"


async def build(settings: PlaybookSettings, clock: Clock | None = None) -> App:
    """Builds the service; nothing listens or connects until it is started."""
    app = App(NAME, settings, clock or RealClock(), encode=encode, migrations=MIGRATIONS)
    cases = CaseStore(app.database, app.outbox)
    catalogue = Catalogue(load_templates(settings.template_dir), settings.incident_template)
    renders = Renders(cases, BundleStore(app.database), catalogue, app.clock, RenderTrace(app.telemetry.tracer))
    app.serve(SERVICE, PlaybookServicer(app.database, catalogue, renders))
    app.receive(FactEvents(Facts(cases, renders)).handlers())
    return app
