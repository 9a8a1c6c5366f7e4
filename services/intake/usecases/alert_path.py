"""The alert path put together: what every report passes, whichever way it came."""

from dataclasses import dataclass
from datetime import timedelta

from opentelemetry.metrics import Meter

from services.intake.domain.episode import FlapRule
from services.intake.domain.grouping import Grouping
from services.intake.domain.storm import StormRule
from services.intake.storage.stores import Stores
from services.intake.usecases.alert_intake import AlertIntake
from services.intake.usecases.applying import Applying, ApplyingRules
from services.intake.usecases.grouping import GroupingRules
from services.intake.usecases.muting import Mutes
from services.intake.usecases.placing import Placing
from services.intake.usecases.rearranging import Rearranging
from services.intake.usecases.repeats import Repeats
from services.intake.usecases.report_alerts import Parts, ReportAlerts
from services.intake.usecases.revising import Revising
from services.intake.usecases.routing import Loaders, Routes
from services.intake.usecases.settling import Settling
from services.intake.usecases.storms import Storms
from shared.clock import Clock


@dataclass(frozen=True, slots=True)
class PathRules:
    """By what the alert path goes, beside the rules people set while it runs."""

    grouping: Grouping
    rejoin: timedelta  # an alert that begins again this soon after its end goes on
    oldest: timedelta  # how far back a report's times may lie
    flapping: FlapRule
    storm: StormRule
    most_waiting: int  # reports


class AlertPath:
    """The parts that several of intake's services share."""

    def __init__(self, stores: Stores, clock: Clock, rules: PathRules, meter: Meter) -> None:
        self.given = rules
        self.grouping = GroupingRules(stores.grouping, stores.dependencies, clock, rules.grouping.group_by)
        self.storms = Storms(stores.storms, clock, rules.storm, meter)
        mutes = Mutes(stores.mutes, clock)
        self.routes = Routes(Loaders(self.grouping.current, mutes.current, self.grouping.graph, lambda _: stores.storms.under_way()))
        self.repeats = Repeats(stores.alerts, clock)
        self.placing = Placing(rules.grouping.component_label)
        self.settling = Settling(Revising(rules.rejoin), Rearranging(rules.grouping.component_label), stores.changes)
        parts = Parts(Applying(self.placing, self.settling, ApplyingRules(rules.rejoin, rules.flapping)), self.storms, self.repeats)
        self.reports = ReportAlerts(stores.alerts, clock, self.routes, parts, most_waiting=rules.most_waiting)
        self.intake = AlertIntake(self.reports, clock, rules.oldest)
