"""The cadence: which sprints are replayed, and when each begins and ends."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Cadence:
    """Sprint 1 begins at `first_at`; `count` sprints of one length follow each other without a gap."""

    first_at: datetime
    length: timedelta
    count: int

    def number_at(self, moment: datetime) -> int:
        """Returns the number of the sprint that holds `moment`, counted on beyond those replayed."""
        return (moment - self.first_at) // self.length + 1

    def begin(self, number: int) -> datetime:
        return self.first_at + (number - 1) * self.length

    def end(self, number: int) -> datetime:
        return self.begin(number + 1)

    @property
    def numbers(self) -> range:
        return range(1, self.count + 1)
