"""Sprints: equal stretches of time without a gap, computed from a team's cadence."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from services.allocation.domain.errors import FieldRefused, SprintOutOfRange

# Times that can be computed with: sprints counted from outside these years would leave the calendar, and PostgreSQL's driver
# takes the calendar's ends for infinity.
FIRST_YEAR, LAST_YEAR = 1970, 2200


def check_calendar(field: str, moment: datetime | None) -> None:
    """Raises FieldRefused when the time lies outside the years that can be computed with."""
    if moment is not None and not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise FieldRefused.at(field, f"{moment.isoformat()} must lie between the years {FIRST_YEAR} and {LAST_YEAR}")


@dataclass(frozen=True, slots=True)
class Sprint:
    """One stretch, from `begin_at` up to but not including `end_at`."""

    number: int
    begin_at: datetime
    end_at: datetime

    def holds(self, moment: datetime | None) -> bool:
        return moment is not None and self.begin_at <= moment < self.end_at


@dataclass(frozen=True, slots=True)
class Cadence:
    """When sprint 1 begins and how long each lasts."""

    first_sprint_at: datetime
    length: timedelta

    def number_at(self, moment: datetime) -> int:
        """Returns the number of the sprint that holds `moment`: zero or less before sprint 1."""
        return (moment - self.first_sprint_at) // self.length + 1

    def sprint(self, number: int) -> Sprint:
        begin = self.first_sprint_at + (number - 1) * self.length
        return Sprint(number, begin, begin + self.length)

    def sprint_at(self, moment: datetime) -> Sprint:
        return self.sprint(self.number_at(moment))

    @property
    def weeks(self) -> Decimal:
        """Length in weeks; exact for whole weeks, else to 28 digits."""
        return Decimal(self.length // timedelta(days=1)) / 7


def check_sprint(field: str, number: int, cadence: Cadence) -> None:
    """Raises SprintOutOfRange for a sprint that does not end within the years that can be computed with."""
    last = (datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC) - cadence.first_sprint_at) // cadence.length
    if not 1 <= number <= last:
        raise SprintOutOfRange.at(field, f"is sprint {number}; name one from 1 to {last}, which ends by the year {LAST_YEAR}")


def sprint_name(team: str, number: int) -> str:
    """Returns the resource name `teams/{id}/sprints/{number}`."""
    return f"{team}/sprints/{number}"
