"""Intake put together."""

from datetime import timedelta

from services.intake.domain.episode import FlapRule
from services.intake.domain.grouping import Grouping
from services.intake.domain.muting import MuteSet
from services.intake.domain.storm import StormRule
from services.intake.settings import IntakeSettings
from services.intake.storage.alert_store import AlertStore
from services.intake.storage.change_store import ChangeStore
from services.intake.storage.dependency_store import DependencyStore
from services.intake.storage.grouping_store import GroupingStore
from services.intake.storage.heartbeat_store import HeartbeatStore
from services.intake.storage.history_store import HistoryStore
from services.intake.storage.incident_store import IncidentStore
from services.intake.storage.published_store import PublishedStore
from services.intake.storage.shaping_store import ShapingStore
from services.intake.storage.storm_store import StormStore
from services.intake.storage.stream_store import StreamStore
from services.intake.storage.tables import MIGRATIONS
from services.intake.transport import grouping_servicer, incident_servicer, servicer, signal_servicer
from services.intake.transport.components import ComponentEvents
from services.intake.transport.events import encode
from services.intake.transport.reception import Reception
from services.intake.transport.reports import ReportReader
from services.intake.transport.signal_tracing import continuing
from services.intake.usecases.alert_intake import AlertIntake
from services.intake.usecases.alerts import Alerts
from services.intake.usecases.changes import Changes
from services.intake.usecases.grouping import GroupingRules
from services.intake.usecases.grouping_revisions import GroupingRevisions
from services.intake.usecases.heartbeat_watch import HeartbeatWatch
from services.intake.usecases.heartbeats import Heartbeats
from services.intake.usecases.housekeeping import Ageing, Housekeeping
from services.intake.usecases.incidents import Incidents
from services.intake.usecases.load import Load
from services.intake.usecases.particulars import Particulars
from services.intake.usecases.placing import Placing
from services.intake.usecases.publish_events import PublishEvents
from services.intake.usecases.rearranging import Rearranging
from services.intake.usecases.releasing import Releasing
from services.intake.usecases.repeats import Repeats
from services.intake.usecases.report_alerts import Parts, ReportAlerts
from services.intake.usecases.revising import Revising
from services.intake.usecases.routing import Loaders, Routes
from services.intake.usecases.shaping import Shapings
from services.intake.usecases.storms import Storms
from services.intake.usecases.streams import Streams
from shared.app import App
from shared.clock import Clock, RealClock, SimulatedClock

NAME = "intake"


async def build(settings: IntakeSettings, clock: Clock | None = None) -> App:
    """Builds the service; nothing listens or connects until it is started."""
    app = App(NAME, settings, clock or RealClock(), encode=encode, migrations=MIGRATIONS)
    grouping = Grouping(settings.group_by, settings.component_label)
    alerts, incidents = AlertStore(app.database, app.outbox), IncidentStore(app.database, app.outbox)
    rule_store, dependencies = GroupingStore(app.database, app.outbox), DependencyStore(app.database)
    storm_store, stream_store = StormStore(app.database, app.outbox), StreamStore(app.database)

    rules = GroupingRules(rule_store, dependencies, app.clock, grouping.group_by)

    async def mutes(version: int) -> MuteSet:
        return MuteSet(version=version)

    routes = Routes(Loaders(rules.current, mutes, rules.graph, lambda _: storm_store.under_way()))
    changes = ChangeStore(app.database, app.outbox)
    storms = Storms(storm_store, app.clock, storm_rule(settings), app.telemetry.meter)
    repeats, placing = Repeats(alerts, app.clock), Placing(grouping.component_label)
    rejoin = timedelta(seconds=settings.rejoin_seconds)
    parts = Parts(
        placing=placing,
        revising=Revising(rejoin),
        rearranging=Rearranging(grouping.component_label),
        storms=storms,
        repeats=repeats,
        rejoin=rejoin,
        changes=changes,
        flapping=FlapRule(settings.flap_count, timedelta(seconds=settings.flap_window_seconds)),
    )
    reports = ReportAlerts(alerts, app.clock, routes, parts, most_waiting=settings.waiting_limit)
    releasing = Releasing(alerts, app.clock, routes, placing, reports)

    reader = ReportReader(timedelta(days=settings.report_window_days))
    load = Load(reports, storms, app.telemetry.meter)
    reception = Reception(reports, reader, Streams(stream_store, app.clock), load, storms, app.clock)
    looking = Alerts(alerts, incidents, repeats, routes, rules, clock=app.clock)
    working, particulars = Incidents(incidents, app.clock), Particulars(incidents, app.clock)
    shapings = Shapings(ShapingStore(app.database, app.outbox), app.clock, grouping.component_label)
    revisions = GroupingRevisions(rule_store, dependencies, rules, app.clock, grouping)
    app.serve(servicer.SERVICE, servicer.IntakeServicer(app.database, reception, looking, working, app.feed))
    app.serve(incident_servicer.SERVICE, incident_servicer.IncidentServicer(app.database, working, particulars, shapings))
    app.serve(grouping_servicer.SERVICE, grouping_servicer.GroupingServicer(app.database, revisions))
    app.receive(ComponentEvents(dependencies).handlers())

    housekeeping = Housekeeping(repeats, storms, releasing, incidents)
    ageing = Ageing(
        alerts,
        HistoryStore(app.database),
        stream_store,
        timedelta(hours=settings.alert_settle_hours),
        timedelta(days=settings.alert_retention_days),
    )
    app.background("housekeeping", housekeeping.beat)
    app.every("* * * * *", "release", housekeeping.release)
    app.every("23 * * * *", "age", ageing.run)
    _serve_signals(
        app, grouping.component_label, AlertIntake(reports, app.clock, timedelta(days=settings.report_window_days)), incidents, changes
    )
    return app


def storm_rule(settings: IntakeSettings) -> StormRule:
    return StormRule(
        settings.storm_enter_count,
        settings.storm_leave_count,
        timedelta(seconds=settings.storm_window_seconds),
        timedelta(seconds=settings.storm_calm_seconds),
    )


def _serve_signals(app: App, component_label: str, alerts: AlertIntake, incidents: IncidentStore, change_store: ChangeStore) -> None:
    """Adds the other ways in: events, changes, heartbeats."""
    published, heartbeats = PublishedStore(app.database), HeartbeatStore(app.database)
    changes = Changes(app.database, change_store, incidents, app.clock)
    watch = HeartbeatWatch(heartbeats, alerts, app.clock, component_label)
    beats = Heartbeats(app.database, heartbeats, watch, app.clock)
    publish = PublishEvents(published, alerts, changes, beats, continuing(app.telemetry.tracer))
    signals = signal_servicer.SignalServicer(app.database, changes, beats, publish, app.clock, component_label=component_label)
    app.serve(signal_servicer.SERVICE, signals)
    app.every("* * * * *", "changes", changes.tell_missed)
    app.every("* * * * *", "heartbeats", watch.tick)
    app.every("27 * * * *", "published events", lambda _: published.forget())
    if not isinstance(app.clock, SimulatedClock):  # on a simulated clock things are due when it moves, and only then
        app.background("heartbeats", watch.watch)
