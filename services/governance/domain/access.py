"""Who called what: calls that are alike, counted by the hour."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from services.governance.domain.errors import TimeRangeEmpty

DENIED_CODES = ("PERMISSION_DENIED", "UNAUTHENTICATED")


class AccessOutcome(Enum):
    """Which outcomes are asked for."""

    ANY = "ANY"
    OK = "OK"
    DENIED = "DENIED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What is alike about calls counted together; principal and method are empty for those a service could not count apart."""

    source: str
    principal: str
    method: str
    code: str  # name of the gRPC status
    reason: str  # of denied calls
    peer: str  # of denied calls


@dataclass(frozen=True, slots=True)
class Access:
    """Calls that are alike: how many, between which times, and the trace of the last denied one."""

    key: AccessKey
    role: str  # that the RPC asks for
    count: int
    first: datetime
    last: datetime
    trace_id: str = ""

    @property
    def hour(self) -> datetime:
        """The hour they count for: that of the last of them."""
        return self.last.replace(minute=0, second=0, microsecond=0)

    def joined(self, other: "Access") -> "Access":
        """Returns both as one; they must be alike."""
        newer, older = (other, self) if other.last >= self.last else (self, other)
        return replace(
            newer,
            count=self.count + other.count,
            first=min(self.first, other.first),
            trace_id=newer.trace_id or older.trace_id,
        )


@dataclass(frozen=True, slots=True)
class SeenPrincipal:
    """Somebody who called: roles asked for by what it called and was not turned away from, and the services it called."""

    name: str
    roles: tuple[str, ...]
    sources: tuple[str, ...]
    call_count: int
    denied_count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class AccessFilter:
    """Which calls; an empty condition holds for all. Calls of one hour count whole where any of them falls into the range."""

    principal: str = ""
    method: str = ""
    source: str = ""
    outcome: AccessOutcome = AccessOutcome.ANY
    begin: datetime | None = None
    end: datetime | None = None

    @property
    def is_timed(self) -> bool:
        return self.begin is not None or self.end is not None

    def __post_init__(self) -> None:
        if self.begin is not None and self.end is not None and self.begin >= self.end:
            raise TimeRangeEmpty(self.begin, self.end)


def hourly(accesses: Iterable[Access]) -> list[Access]:
    """Returns each key at most once for each hour, in an order that is the same for all who write at once."""
    joined: dict[tuple[datetime, AccessKey], Access] = {}
    for each in accesses:
        place = each.hour, each.key
        joined[place] = joined[place].joined(each) if place in joined else each
    return [joined[place] for place in sorted(joined, key=lambda place: (place[0], _order(place[1])))]


def _order(key: AccessKey) -> tuple[str, ...]:
    return key.source, key.principal, key.method, key.code, key.reason, key.peer
