"""Intake put together."""

from services.intake.domain.grouping import Grouping
from services.intake.settings import IntakeSettings
from services.intake.storage.alert_store import AlertStore
from services.intake.storage.incident_store import IncidentStore
from services.intake.storage.shaping_store import ShapingStore
from services.intake.storage.tables import MIGRATIONS
from services.intake.transport import incident_servicer
from services.intake.transport.events import encode
from services.intake.transport.servicer import SERVICE, IntakeServicer
from services.intake.usecases.incidents import Incidents
from services.intake.usecases.particulars import Particulars
from services.intake.usecases.report_alerts import ReportAlerts
from services.intake.usecases.shaping import Shapings
from shared.app import App
from shared.clock import Clock, RealClock

NAME = "intake"


async def build(settings: IntakeSettings, clock: Clock | None = None) -> App:
    """Builds the service; nothing listens or connects until it is started."""
    app = App(NAME, settings, clock or RealClock(), encode=encode, migrations=MIGRATIONS)
    alerts = AlertStore(app.database, app.outbox)
    incidents = IncidentStore(app.database, app.outbox)
    report_alerts = ReportAlerts(alerts, app.clock, Grouping(settings.group_by, settings.component_label))
    working = Incidents(incidents, alerts, app.clock)
    app.serve(SERVICE, IntakeServicer(app.database, report_alerts, working, app.feed))
    particulars = Particulars(incidents, app.clock)
    shapings = Shapings(ShapingStore(app.database, app.outbox), app.clock, settings.component_label)
    app.serve(incident_servicer.SERVICE, incident_servicer.IncidentServicer(app.database, working, particulars, shapings))
    return app
