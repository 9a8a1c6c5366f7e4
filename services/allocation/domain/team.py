"""Teams: who is in them, how long their sprints last, and the capacity that makes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from services.allocation.domain.errors import CapacityZero, FieldRefused, MemberDuplicate
from services.allocation.domain.quantity import hours
from services.allocation.domain.sprint import Cadence, check_calendar

DEFAULT_POLICY = "allocationPolicies/default"

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Member:
    """A person: working hours in a week, and the share of them that goes into sprint work."""

    id: str
    weekly_hours: float
    focus_factor: float
    skills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Team:
    """A team at one version; version 0 is one that was never stored."""

    name: str
    display_name: str
    members: tuple[Member, ...]
    sprint_length: timedelta
    first_sprint_at: datetime
    policy: str
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def cadence(self) -> Cadence:
        return Cadence(self.first_sprint_at, self.sprint_length)

    @property
    def capacity_hours(self) -> Decimal:
        """Person-hours of one sprint: members × weekly hours × focus factor × weeks."""
        weekly = sum((_exact(member.weekly_hours) * _exact(member.focus_factor) for member in self.members), Fraction(0))
        total = weekly * Fraction(self.sprint_length // _DAY, 7)
        return hours(Decimal(total.numerator) / Decimal(total.denominator))

    @property
    def people(self) -> tuple[tuple[frozenset[str], Decimal], ...]:
        """Each member's skills and share of the team's capacity."""
        parts = [_exact(member.weekly_hours) * _exact(member.focus_factor) for member in self.members]
        whole = sum(parts, Fraction(0)) or Fraction(1)
        shares = (Decimal((part / whole).numerator) / Decimal((part / whole).denominator) for part in parts)
        return tuple((frozenset(member.skills), share) for member, share in zip(self.members, shares, strict=True))


def revise(sent: Team, held: Team | None, now: datetime) -> Team:
    """Returns the team as it is to be stored: `held` itself when nothing changes, else its next version."""
    if held is None:
        return replace(sent, version=1, created_at=now, updated_at=now)
    same = replace(sent, version=held.version, created_at=held.created_at, updated_at=held.updated_at)
    return held if same == held else replace(same, version=held.version + 1, updated_at=now)


def check_teams(teams: Sequence[Team]) -> None:
    """Refuses teams that break a rule. Raises CapacityZero, MemberDuplicate or FieldRefused, naming the field."""
    seen: dict[str, int] = {}
    for index, team in enumerate(teams):
        field = f"teams[{index}]"
        if team.name in seen:
            raise FieldRefused.at(f"{field}.name", f"repeats {team.name} of teams[{seen[team.name]}]; name each team once")
        seen[team.name] = index
        _check_members(team, field)
        if team.sprint_length % _DAY:
            raise FieldRefused.at(
                f"{field}.sprint_length", f"must be whole days, and {team.sprint_length} is not; send a multiple of 86400s"
            )
        check_calendar(f"{field}.first_sprint_at", team.first_sprint_at)
        if not team.capacity_hours:
            raise CapacityZero.at(f"{field}.members", "capacity of a sprint is zero; give at least one member weekly hours and focus")


def _check_members(team: Team, field: str) -> None:
    seen: set[str] = set()
    for index, member in enumerate(team.members):
        if member.id in seen:
            raise MemberDuplicate.at(f"{field}.members[{index}].id", f"{member.id!r} stands twice in {team.name}; name each member once")
        seen.add(member.id)


def _exact(value: float) -> Fraction:
    return Fraction(str(value))
