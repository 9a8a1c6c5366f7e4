"""Intake put together."""

from datetime import timedelta

from services.intake.domain.episode import FlapRule
from services.intake.domain.grouping import Grouping
from services.intake.domain.storm import StormRule
from services.intake.settings import IntakeSettings
from services.intake.storage.stores import Stores
from services.intake.storage.tables import MIGRATIONS
from services.intake.transport import grouping_servicer, incident_servicer, muting_servicer, servicer, signal_servicer
from services.intake.transport.components import ComponentEvents
from services.intake.transport.documents import grouping_rules_kind
from services.intake.transport.events import encode
from services.intake.transport.reception import Reception
from services.intake.transport.reports import ReportReader
from services.intake.transport.signal_tracing import continuing
from services.intake.usecases.alert_path import AlertPath, PathRules
from services.intake.usecases.alerts import Alerts
from services.intake.usecases.changes import Changes
from services.intake.usecases.grouping_revisions import GroupingRevisions
from services.intake.usecases.heartbeat_watch import HeartbeatWatch
from services.intake.usecases.heartbeats import Heartbeats
from services.intake.usecases.housekeeping import Ageing, Housekeeping
from services.intake.usecases.incidents import Incidents
from services.intake.usecases.inhibit_rules import InhibitRulebook
from services.intake.usecases.load import Load
from services.intake.usecases.maintenance import Maintenance
from services.intake.usecases.particulars import Particulars
from services.intake.usecases.publish_events import PublishEvents
from services.intake.usecases.releasing import Releasing
from services.intake.usecases.shaping import Shapings
from services.intake.usecases.silences import Silences
from services.intake.usecases.streams import Streams
from shared.app import App
from shared.approvals.hearing import approval_handlers
from shared.clock import Clock, RealClock, SimulatedClock

NAME = "intake"


async def build(settings: IntakeSettings, clock: Clock | None = None) -> App:
    """Builds the service; nothing listens or connects until it is started."""
    app = App(NAME, settings, clock or RealClock(), encode=encode, migrations=MIGRATIONS)
    stores = Stores(app.database, app.outbox)
    path = AlertPath(stores, app.clock, path_rules(settings), app.telemetry.meter)
    _serve_incidents(app, stores, path)
    _serve_routing(app, stores, path)
    _serve_signals(app, stores, path)
    releasing = Releasing(stores.alerts, app.clock, path.routes, path.placing, path.settling)
    housekeeping = Housekeeping(path.repeats, path.storms, releasing, stores.incidents)
    settle, retention = timedelta(hours=settings.alert_settle_hours), timedelta(days=settings.alert_retention_days)
    app.background("housekeeping", housekeeping.beat)
    app.every("* * * * *", "release", housekeeping.release)
    app.every("23 * * * *", "age", Ageing(stores.alerts, stores.history, stores.streams, settle, retention).run)
    return app


def path_rules(settings: IntakeSettings) -> PathRules:
    return PathRules(
        Grouping(settings.group_by, settings.component_label),
        timedelta(seconds=settings.rejoin_seconds),
        timedelta(days=settings.report_window_days),
        FlapRule(settings.flap_count, timedelta(seconds=settings.flap_window_seconds)),
        StormRule(
            settings.storm_enter_count,
            settings.storm_leave_count,
            timedelta(seconds=settings.storm_window_seconds),
            timedelta(seconds=settings.storm_calm_seconds),
        ),
        settings.waiting_limit,
    )


def _serve_incidents(app: App, stores: Stores, path: AlertPath) -> None:
    """Alerts in, what became of them, and what people do with incidents."""
    reader, load = ReportReader(path.given.oldest), Load(path.reports, path.storms, app.telemetry.meter)
    reception = Reception(path.reports, reader, Streams(stores.streams, app.clock), load, path.storms, app.clock)
    alerts = Alerts(stores.alerts, stores.incidents, path.repeats, path.routes, rules=path.grouping, placing=path.placing, clock=app.clock)
    incidents, particulars = Incidents(stores.incidents, app.clock), Particulars(stores.incidents, stores.changes, app.clock)
    shapings = Shapings(stores.shaping, app.clock, path.given.grouping.component_label)
    app.serve(servicer.SERVICE, servicer.IntakeServicer(app.database, reception, alerts, incidents, app.feed))
    app.serve(incident_servicer.SERVICE, incident_servicer.IncidentServicer(app.database, incidents, particulars, shapings))


def _serve_routing(app: App, stores: Stores, path: AlertPath) -> None:
    """What decides where alerts go: grouping rules, dependencies, and all that mutes."""
    revisions = GroupingRevisions(stores.grouping, stores.dependencies, path.grouping, app.clock, path.given.grouping)
    control = app.control(grouping_rules_kind(revisions))
    silences, windows = Silences(stores.silences, stores.firing, app.clock), Maintenance(stores.windows, app.clock)
    muting = muting_servicer.MutingServicer(app.database, silences, windows, InhibitRulebook(stores.inhibits, app.clock), app.clock)
    app.serve(grouping_servicer.SERVICE, grouping_servicer.GroupingServicer(app.database, revisions, control))
    app.serve(muting_servicer.SERVICE, muting)
    app.receive(ComponentEvents(stores.dependencies).handlers() | approval_handlers(app.clock, control.progress.hear))
    app.background("rule counts", path.grouping.write)


def _serve_signals(app: App, stores: Stores, path: AlertPath) -> None:
    """The other ways in: events, changes, heartbeats."""
    label = path.given.grouping.component_label
    changes = Changes(app.database, stores.changes, stores.incidents, app.clock)
    watch = HeartbeatWatch(stores.heartbeats, path.intake, app.clock, label)
    beats = Heartbeats(app.database, stores.heartbeats, watch, app.clock)
    publish = PublishEvents(stores.published, path.intake, changes, beats, continuing(app.telemetry.tracer))
    signals = signal_servicer.SignalServicer(app.database, changes, beats, publish, app.clock, component_label=label)
    app.serve(signal_servicer.SERVICE, signals)
    app.every("* * * * *", "changes", changes.tell_missed)
    app.every("* * * * *", "heartbeats", watch.tick)
    app.every("27 * * * *", "published events", lambda _: stores.published.forget())
    if not isinstance(app.clock, SimulatedClock):  # on a simulated clock things are due when it moves, and only then
        app.background("heartbeats", watch.watch)
