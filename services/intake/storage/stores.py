"""Every store of intake, over one database and one outbox."""

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
from services.intake.storage.window_store import WindowStore
from shared.events.outbox import Outbox
from shared.storage.database import Database


class Stores:
    """The stores, each made once."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self.database = database
        self.alerts = AlertStore(database, outbox)
        self.changes = ChangeStore(database, outbox)
        self.dependencies = DependencyStore(database)
        self.firing = FiringAlerts(database)
        self.grouping = GroupingStore(database, outbox)
        self.heartbeats = HeartbeatStore(database)
        self.history = HistoryStore(database)
        self.incidents = IncidentStore(database, outbox)
        self.inhibits = InhibitStore(database, outbox)
        self.mutes = MuteStore(database)
        self.published = PublishedStore(database)
        self.shaping = ShapingStore(database, outbox)
        self.silences = SilenceStore(database, outbox)
        self.storms = StormStore(database, outbox)
        self.streams = StreamStore(database)
        self.windows = WindowStore(database, outbox)
