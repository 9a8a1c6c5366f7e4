"""Members of teams: how much they work, when they are in the team, and how much of them it has."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a team: working hours in a week, and the share of them that goes into sprint work.

    `person` says who it is in all teams, and `share` how much of the person's hours this team has.
    """

    id: str
    weekly_hours: float
    focus_factor: float
    skills: tuple[str, ...] = ()
    calendar: str = ""
    person: str = ""
    share: float = 1.0
    joined_at: datetime | None = None
    left_at: datetime | None = None

    @property
    def part(self) -> Fraction:
        """What of an hour worked goes into the team's sprint."""
        return exact(self.focus_factor) * exact(self.share)

    @property
    def weekly_part(self) -> Fraction:
        """Hours of a week that go into the team's sprint, without leave."""
        return exact(self.weekly_hours) * self.part

    @property
    def is_plain(self) -> bool:
        """Whether the hours are the same in every sprint, but for leave."""
        return not self.calendar and self.joined_at is None and self.left_at is None

    def during(self, begin: datetime, end: datetime) -> tuple[datetime, datetime]:
        """Returns the part of that time in which it is a member; of no length when there is none."""
        since = max(begin, self.joined_at) if self.joined_at else begin
        until = min(end, self.left_at) if self.left_at else end
        return min(since, end), max(min(since, end), until)


def exact(value: float) -> Fraction:
    """Returns the value of a float's shortest decimal form, so that 0.1 is a tenth."""
    return Fraction(str(value))
