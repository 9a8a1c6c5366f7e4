"""Teams: who is in them, how long their sprints last, and the capacity that makes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from services.allocation.domain.capacity import MemberCapacity, Presence, capacity_between, members_between, parts_between
from services.allocation.domain.errors import CapacityZero, FieldRefused, MemberDuplicate, MembershipReversed
from services.allocation.domain.member import Member
from services.allocation.domain.quantity import hours
from services.allocation.domain.sprint import Cadence, Sprint, check_calendar

DEFAULT_POLICY = "allocationPolicies/default"

_DAY = timedelta(days=1)


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
    # What calendars and leave say of the members; read with the team, and no part of what it is.
    presence: Presence = field(default=Presence(), compare=False)

    @property
    def cadence(self) -> Cadence:
        return Cadence(self.first_sprint_at, self.sprint_length)

    @property
    def capacity_hours(self) -> Decimal:
        """Person-hours of a sprint in which all members are there and nobody is away: members × weekly hours × focus × share × weeks."""
        weekly = sum((member.weekly_part for member in self.members), Fraction(0))
        total = weekly * Fraction(self.sprint_length // _DAY, 7)
        return hours(Decimal(total.numerator) / Decimal(total.denominator))

    def capacity_in(self, sprint: Sprint) -> Decimal:
        """Person-hours of that sprint, with calendars, leave and who is a member by then."""
        if not self.varies:
            return self.capacity_hours
        return self.capacity_between(sprint.begin_at, sprint.end_at)

    @property
    def varies(self) -> bool:
        """Whether sprints may differ in capacity."""
        return bool(self.presence.leaves) or not all(member.is_plain for member in self.members)

    def capacity_between(self, begin: datetime, end: datetime) -> Decimal:
        return capacity_between(self.members, self.presence, begin, end)

    def members_in(self, sprint: Sprint) -> list[MemberCapacity]:
        """Returns what each member adds to the capacity of that sprint, and how it comes about."""
        return members_between(self.members, self.presence, sprint.begin_at, sprint.end_at)

    def people_in(self, sprint: Sprint) -> tuple[tuple[frozenset[str], Decimal], ...]:
        """Each member's skills and share of the capacity of that sprint."""
        parts = parts_between(self.members, self.presence, sprint.begin_at, sprint.end_at)
        return self._people(parts)

    @property
    def people(self) -> tuple[tuple[frozenset[str], Decimal], ...]:
        """Each member's skills and share of the team's capacity, when nobody is away."""
        parts = [member.weekly_part for member in self.members]
        whole = sum(parts, Fraction(0)) or Fraction(1)
        return self._people([part / whole for part in parts])

    def _people(self, parts: Sequence[Fraction]) -> tuple[tuple[frozenset[str], Decimal], ...]:
        shares = (Decimal(part.numerator) / Decimal(part.denominator) for part in parts)
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
        _check_membership(member, f"{field}.members[{index}]")


def _check_membership(member: Member, field: str) -> None:
    check_calendar(f"{field}.joined_at", member.joined_at)
    check_calendar(f"{field}.left_at", member.left_at)
    if member.joined_at and member.left_at and member.left_at <= member.joined_at:
        rule = f"{member.left_at.isoformat()} is not after joined_at, {member.joined_at.isoformat()}; send them the other way about"
        raise MembershipReversed.at(f"{field}.left_at", rule)
