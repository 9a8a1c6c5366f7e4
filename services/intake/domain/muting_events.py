"""What intake tells others of muting: who muted what, and why."""

from dataclasses import dataclass

from services.intake.domain.inhibition import InhibitRules
from services.intake.domain.maintenance_window import MaintenanceWindow
from services.intake.domain.silence import Silence


@dataclass(frozen=True, slots=True)
class SilenceChanged:
    silence: Silence


@dataclass(frozen=True, slots=True)
class MaintenanceWindowChanged:
    window: MaintenanceWindow


@dataclass(frozen=True, slots=True)
class InhibitRulesChanged:
    rules: InhibitRules


MutingEvent = SilenceChanged | MaintenanceWindowChanged | InhibitRulesChanged
