"""Intake put together."""

from datetime import timedelta

from services.intake.domain.episode import FlapRule
from services.intake.domain.grouping import Grouping
from services.intake.domain.storm import StormRule
from services.intake.settings import IntakeSettings
from services.intake.storage.alert_store import AlertStore
from services.intake.storage.change_store import ChangeStore
from services.intake.storage.dependency_store import DependencyStore
from services.intake.storage.firing_alerts import FiringAlerts
from services.intake.storage.grouping_store import GroupingStore
from services.intake.storage.heartbeat_store import HeartbeatStore
from services.intake.storage.history_store import HistoryStore
from services.intake.storage.incident_store import IncidentStore
from services.intake.storage.inhibit_store import InhibitStore
from services.intake.storage.mute_store import MuteStore
from services.intake.storage.published_store import PublishedStore
from services.intake.storage.shaping_store import ShapingStore
from services.intake.storage.silence_store import SilenceStore
from services.intake.storage.storm_store import StormStore
from services.intake.storage.stream_store import StreamStore
from services.intake.storage.tables import MIGRATIONS
from services.intake.storage.window_store import WindowStore
from services.intake.transport import grouping_servicer, incident_servicer, muting_servicer, servicer, signal_servicer
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
from services.intake.usecases.inhibit_rules import InhibitRulebook
from services.intake.usecases.load import Load
from services.intake.usecases.maintenance import Maintenance
from services.intake.usecases.muting import Mutes
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
from services.intake.usecases.silences import Silences
from services.intake.usecases.storms import Storms
from services.intake.usecases.streams import Streams
from shared.app import App
from shared.clock import Clock, RealClock, SimulatedClock

NAME = "intake"


class _Intake:
    """The parts that more than one of intake's services needs, made once."""

    def __init__(self, app: App, settings: IntakeSettings) -> None:
        self.app = app
        self.settings = settings
        database, outbox, clock = app.database, app.outbox, app.clock
        self.grouping = Grouping(settings.group_by, settings.component_label)
        self.alerts, self.incidents = AlertStore(database, outbox), IncidentStore(database, outbox)
        self.changes = ChangeStore(database, outbox)
        self.rule_store, self.dependencies = GroupingStore(database, outbox), DependencyStore(database)
        self.rules = GroupingRules(self.rule_store, self.dependencies, clock, self.grouping.group_by)
        storm_store = StormStore(database, outbox)
        self.storms = Storms(storm_store, clock, storm_rule(settings), app.telemetry.meter)
        mutes = Mutes(MuteStore(database), clock)
        self.routes = Routes(Loaders(self.rules.current, mutes.current, self.rules.graph, lambda _: storm_store.under_way()))
        self.repeats, self.placing = Repeats(self.alerts, clock), Placing(self.grouping.component_label)
        rejoin = timedelta(seconds=settings.rejoin_seconds)
        parts = Parts(
            placing=self.placing,
            revising=Revising(rejoin),
            rearranging=Rearranging(self.grouping.component_label),
            storms=self.storms,
            repeats=self.repeats,
            rejoin=rejoin,
            flapping=FlapRule(settings.flap_count, timedelta(seconds=settings.flap_window_seconds)),
            changes=self.changes,
        )
        self.reports = ReportAlerts(self.alerts, clock, self.routes, parts, most_waiting=settings.waiting_limit)


async def build(settings: IntakeSettings, clock: Clock | None = None) -> App:
    """Builds the service; nothing listens or connects until it is started."""
    app = App(NAME, settings, clock or RealClock(), encode=encode, migrations=MIGRATIONS)
    parts = _Intake(app, settings)
    incidents = Incidents(parts.incidents, app.clock)
    _serve_intake(parts, incidents)
    _serve_incidents(parts, incidents)
    _serve_routing(parts)
    _serve_signals(parts)
    _keep_house(parts)
    return app


def storm_rule(settings: IntakeSettings) -> StormRule:
    return StormRule(
        settings.storm_enter_count,
        settings.storm_leave_count,
        timedelta(seconds=settings.storm_window_seconds),
        timedelta(seconds=settings.storm_calm_seconds),
    )


def _serve_intake(parts: _Intake, incidents: Incidents) -> None:
    """Alerts in, and what became of them."""
    app = parts.app
    reader = ReportReader(timedelta(days=parts.settings.report_window_days))
    load, streams = Load(parts.reports, parts.storms, app.telemetry.meter), Streams(StreamStore(app.database), app.clock)
    reception = Reception(parts.reports, reader, streams, load, parts.storms, app.clock)
    alerts = Alerts(parts.alerts, parts.incidents, parts.repeats, parts.routes, parts.rules, clock=app.clock)
    app.serve(servicer.SERVICE, servicer.IntakeServicer(app.database, reception, alerts, incidents, app.feed))


def _serve_incidents(parts: _Intake, incidents: Incidents) -> None:
    """What people do with incidents."""
    app = parts.app
    shapings = Shapings(ShapingStore(app.database, app.outbox), app.clock, parts.grouping.component_label)
    particulars = Particulars(parts.incidents, app.clock)
    app.serve(incident_servicer.SERVICE, incident_servicer.IncidentServicer(app.database, incidents, particulars, shapings))


def _serve_routing(parts: _Intake) -> None:
    """What decides where alerts go: grouping rules, dependencies, and all that mutes."""
    app = parts.app
    database, outbox, clock = app.database, app.outbox, app.clock
    revisions = GroupingRevisions(parts.rule_store, parts.dependencies, parts.rules, clock, parts.grouping)
    app.serve(grouping_servicer.SERVICE, grouping_servicer.GroupingServicer(database, revisions))
    app.receive(ComponentEvents(parts.dependencies).handlers())
    app.background("rule counts", parts.rules.write)
    silences = Silences(SilenceStore(database, outbox), FiringAlerts(database), clock)
    maintenance = Maintenance(WindowStore(database, outbox), clock)
    inhibition = InhibitRulebook(InhibitStore(database, outbox), clock)
    app.serve(muting_servicer.SERVICE, muting_servicer.MutingServicer(database, silences, maintenance, inhibition, clock))


def _serve_signals(parts: _Intake) -> None:
    """The other ways in: events, changes, heartbeats."""
    app, label = parts.app, parts.grouping.component_label
    alerts = AlertIntake(parts.reports, app.clock, timedelta(days=parts.settings.report_window_days))
    published, heartbeats = PublishedStore(app.database), HeartbeatStore(app.database)
    changes = Changes(app.database, parts.changes, parts.incidents, app.clock)
    watch = HeartbeatWatch(heartbeats, alerts, app.clock, label)
    beats = Heartbeats(app.database, heartbeats, watch, app.clock)
    publish = PublishEvents(published, alerts, changes, beats, continuing(app.telemetry.tracer))
    signals = signal_servicer.SignalServicer(app.database, changes, beats, publish, app.clock, component_label=label)
    app.serve(signal_servicer.SERVICE, signals)
    app.every("* * * * *", "changes", changes.tell_missed)
    app.every("* * * * *", "heartbeats", watch.tick)
    app.every("27 * * * *", "published events", lambda _: published.forget())
    if not isinstance(app.clock, SimulatedClock):  # on a simulated clock things are due when it moves, and only then
        app.background("heartbeats", watch.watch)


def _keep_house(parts: _Intake) -> None:
    """What intake does by itself."""
    app, settings = parts.app, parts.settings
    releasing = Releasing(parts.alerts, app.clock, parts.routes, parts.placing, parts.reports)
    housekeeping = Housekeeping(parts.repeats, parts.storms, releasing, parts.incidents)
    ageing = Ageing(
        parts.alerts,
        HistoryStore(app.database),
        StreamStore(app.database),
        timedelta(hours=settings.alert_settle_hours),
        timedelta(days=settings.alert_retention_days),
    )
    app.background("housekeeping", housekeeping.beat)
    app.every("* * * * *", "release", housekeeping.release)
    app.every("23 * * * *", "age", ageing.run)
