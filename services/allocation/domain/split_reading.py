"""Splits as they are read: where from, and how fresh."""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

MICROSECOND = timedelta(microseconds=1)


class SplitSource(IntEnum):
    """Where a split was read; the numbers are the contract's."""

    CACHE = 1
    DATABASE = 2
    DATABASE_WITHOUT_CACHE = 3


@dataclass(frozen=True, slots=True)
class SplitReading:
    """A team's newest split, ready to be told. Times are microseconds: since 1970 by the clock of its source, and of age."""

    document: bytes  # the split in the form in which it is told
    source: SplitSource
    as_of: int
    age: int = 0


@dataclass(frozen=True, slots=True)
class CachedSplit:
    """A split as the cache holds it."""

    position: int  # of its decision in the order in which they came in force: it grows with each of a team
    as_of: int  # when it was the newest in the database, by the cache's clock, in microseconds since 1970
    document: bytes

    def reading(self, now: int, most_age: int) -> SplitReading | None:
        """Returns it where it is no older than that at `now`, by the same clock; None also where the clock was set back behind it."""
        age = now - self.as_of
        return SplitReading(self.document, SplitSource.CACHE, self.as_of, age) if 0 <= age <= most_age else None
