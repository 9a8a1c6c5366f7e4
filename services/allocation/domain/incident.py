"""What allocation knows of an incident: the facts of its newest assessment."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.money import Money

GRAVEST = 1
MILDEST = 5


@dataclass(frozen=True, slots=True)
class IncidentFact:
    """An incident as its newest assessment revision tells it. Times are event times."""

    incident: str
    assessment: str
    revision: int
    severity: int  # 1, the gravest, to 5
    opened_at: datetime
    resolved_at: datetime | None
    teams: tuple[str, ...]
    trace_id: str  # of the assessment, for links between traces; may be empty
    span_id: str
    components: tuple[str, ...] = ()
    expected_loss: Money | None = None  # in an hour of it

    def is_open_at(self, moment: datetime) -> bool:
        return self.opened_at <= moment and (self.resolved_at is None or self.resolved_at > moment)

    def lasted_until(self, moment: datetime) -> timedelta:
        """Time to restore; for an incident open at `moment`, the time so far, which is a lower bound."""
        end = moment if self.resolved_at is None else min(self.resolved_at, moment)
        return max(end - self.opened_at, timedelta(0))


def teams_to_decide(held: IncidentFact | None, fact: IncidentFact) -> tuple[str, ...]:
    """Returns the teams whose split may change with this fact, sorted.

    All of them when the incident is new here, its severity changed, or it ended or reopened, and then also those it no longer
    concerns; otherwise only those it now concerns for the first time. None for a revision not newer than the one held.
    """
    if held is None:
        return tuple(sorted(fact.teams))
    if fact.revision <= held.revision:
        return ()
    if held.severity != fact.severity or (held.resolved_at is None) != (fact.resolved_at is None):
        return tuple(sorted({*fact.teams, *held.teams}))
    return tuple(sorted(set(fact.teams) - set(held.teams)))
