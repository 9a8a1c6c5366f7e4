"""Incidents as triage hears of them: what is known of their impact, and where they stand."""

import math
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from shared.errors import InvalidInput, Violation


class IncidentState(IntEnum):
    OPEN = 1
    ACKNOWLEDGED = 2
    RESOLVED = 3
    MITIGATED = 4


class ServiceImpact(IntEnum):
    """How far users are hindered; a higher number is worse. Unknown is None."""

    INFORMATION = 1
    DISRUPTION = 2
    OUTAGE = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """Facts about an incident; None where nobody gave one, which is not the same as zero or no."""

    users_affected: int | None = None
    service_impact: ServiceImpact | None = None
    data_loss: bool | None = None
    security: bool | None = None
    safety: bool | None = None
    workaround: bool | None = None
    burn_rate: float | None = None  # 1 means the error budget lasts exactly its period
    recent_change: bool | None = None
    redundancy_left: float | None = None  # share of replicas, zones or paths
    flap_count: int | None = None  # how often the signal that did so most began again

    def check(self) -> None:
        """Raises InvalidInput naming each value that no incident can have."""
        found = []
        if self.users_affected is not None and self.users_affected < 0:
            rule = f"is {self.users_affected}; a count is not negative, leave it out when it is unknown"
            found.append(Violation("evidence.users_affected", rule))
        if self.burn_rate is not None and not (math.isfinite(self.burn_rate) and self.burn_rate >= 0):
            rule = f"is {self.burn_rate}; a burn rate is a number from 0 up, leave it out when it is unknown"
            found.append(Violation("evidence.burn_rate", rule))
        if self.redundancy_left is not None and not 0 <= self.redundancy_left <= 1:
            rule = f"is {self.redundancy_left}; what is left is a share from 0 to 1, leave it out when it is unknown"
            found.append(Violation("evidence.redundancy_left", rule))
        if self.flap_count is not None and self.flap_count < 0:
            rule = f"is {self.flap_count}; a count is not negative, leave it out when it is unknown"
            found.append(Violation("evidence.flap_count", rule))
        if found:
            raise InvalidInput("; ".join(f"{v.field}: {v.description}" for v in found), found)


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident at one version; times are event times."""

    opened_at: datetime
    name: str = ""  # incidents/{uuid}; empty in a simulation
    title: str = ""
    state: IncidentState = IncidentState.OPEN
    components: tuple[str, ...] = ()  # ids as alerts carry them
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    alert_count: int = 1
    evidence: Evidence = field(default_factory=Evidence)
    merged_into: str = ""  # incidents/{uuid}; empty unless it was merged
    signal: str = ""  # what monitoring calls the alert, where the incident's alerts were grouped by that
    changed_at: datetime | None = None  # when anything was last told of it, by the clock of who keeps it; None where that is not known
