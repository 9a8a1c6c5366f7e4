"""People in several teams: the shares of one may sum to 1 at any time, and no more."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from services.allocation.domain.errors import PersonOverallocated
from services.allocation.domain.member import exact
from services.allocation.domain.team import Team

_ALWAYS, _FOR_GOOD = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Part:
    """What a team has of a person, from when until when; `field` is where the request says it, empty where it is held."""

    team: str
    share: Fraction
    begin: datetime
    end: datetime
    field: str


def persons_of(teams: Iterable[Team]) -> frozenset[str]:
    return frozenset(member.person for team in teams for member in team.members if member.person)


def check_persons(sent: Sequence[Team], held: Iterable[Team]) -> None:
    """Refuses teams with which a person would be given away more than once. Raises PersonOverallocated.

    `held` are the other teams that have any of these people.
    """
    parts: dict[str, list[_Part]] = {}
    for index, team in enumerate(sent):
        _gather(parts, team, f"teams[{index}]")
    names = {team.name for team in sent}
    for team in held:
        if team.name not in names:
            _gather(parts, team, "")
    for person, known in sorted(parts.items()):
        if any(part.field for part in known):
            _check(person, known)


def _gather(parts: dict[str, list[_Part]], team: Team, field: str) -> None:
    for place, member in enumerate(team.members):
        if member.person:
            begin, end = member.joined_at or _ALWAYS, member.left_at or _FOR_GOOD
            where = f"{field}.members[{place}].allocation_share" if field else ""
            parts.setdefault(member.person, []).append(_Part(team.name, exact(member.share), begin, end, where))


def _check(person: str, parts: Sequence[_Part]) -> None:
    # Shares change only when somebody joins, so the sum is greatest at one of these moments.
    for moment in sorted({part.begin for part in parts}):
        here = [part for part in parts if part.begin <= moment < part.end]
        total = sum((part.share for part in here), Fraction(0))
        sent = [part for part in here if part.field]
        if total > 1 and sent:
            each = ", ".join(f"{part.team} {float(part.share):g}" for part in here)
            since = "" if moment == _ALWAYS else f" from {moment.isoformat()}"
            rule = f"gives {person} away {float(total):g} times{since} ({each}); let the shares sum to 1 at most, or end a membership"
            raise PersonOverallocated.at(sent[-1].field, rule, person=person)
