"""Episodes: what the begins and ends told of one signal make of its life, whatever the order in which they were told.

Senders tell the same firing twice, late, in the wrong order, and as replicas whose clocks and evaluations differ by seconds. All
they say is a set of begins and a set of ends; sorted by event time these fall into runs, begins first and then ends, and each run
is one alert. A function of sets does not depend on order or repetition, and that is what makes intake's answer the same for all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# Beyond this many points of a kind the inner ones are forgotten: they only matter where an end comes late in between.
MOST_POINTS = 32


@dataclass(frozen=True, slots=True)
class Episode:
    """One alert's life: the begins and ends told of it, each ascending and without repeats; at least one begin."""

    starts: tuple[datetime, ...]
    ends: tuple[datetime, ...] = ()

    @property
    def starts_at(self) -> datetime:
        return self.starts[0]

    @property
    def is_firing(self) -> bool:
        """Whether its last begin is later than its last end. An end at the moment of a begin ends it."""
        return not self.ends or self.starts[-1] > self.ends[-1]

    @property
    def ends_at(self) -> datetime | None:
        return None if self.is_firing else self.ends[-1]

    @property
    def refired_count(self) -> int:
        """How often it began again within the time that still counts as the same alert; an end that several tell counts once."""
        return _begun_again(self.starts, self.ends)


def episodes(starts: Iterable[datetime], ends: Iterable[datetime], rejoin: timedelta) -> list[Episode]:
    """Returns the signal's alerts, oldest first. A begin at most `rejoin` after an end goes on with the same alert.

    Ends before the first begin belong to nothing that is known and are left out.
    """
    points = sorted([(at, 0) for at in set(starts)] + [(at, 1) for at in set(ends)])
    found: list[Episode] = []
    begun: list[datetime] = []
    ended: list[datetime] = []
    for at, is_end in points:
        if is_end:
            if begun:
                ended.append(at)
            continue
        # A begin told while it fires again, after an end taken back, is of the same firing however long after that end.
        if ended and ended[-1] >= begun[-1] and at - ended[-1] > rejoin:
            found.append(_episode(begun, ended))
            begun, ended = [], []
        begun.append(at)
    return [*found, _episode(begun, ended)] if begun else found


@dataclass(frozen=True, slots=True)
class FlapRule:
    """A signal flaps that began again at least `count` times within `window`."""

    count: int
    window: timedelta


def is_flapping(lives: Sequence[Episode], at: datetime, rule: FlapRule) -> bool:
    """Whether the signal began again often enough within the window before `at`, as the same alert or as others."""
    window = rule.window
    starts = [start for life in lives for start in life.starts]
    ends = sorted(end for life in lives for end in life.ends if at - window <= end <= at)
    return _begun_again(starts, ends) >= rule.count


def _begun_again(starts: Sequence[datetime], ends: Sequence[datetime]) -> int:
    """Counts the ends, which ascend, after which there was a begin before the next end."""
    following: Iterable[datetime | None] = (*ends[1:], None)
    return sum(
        any(start > end and (after is None or start <= after) for start in starts) for end, after in zip(ends, following, strict=False)
    )


def _episode(starts: list[datetime], ends: list[datetime]) -> Episode:
    return Episode(bounded(starts), bounded(ends))


def bounded(points: Sequence[datetime]) -> tuple[datetime, ...]:
    """Returns ascending points without the inner ones beyond MOST_POINTS: the first, and the latest."""
    if len(points) <= MOST_POINTS:
        return tuple(points)
    return (points[0], *points[-(MOST_POINTS - 1) :])
