"""Clocks: the real one, and one that moves only when told."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells what time it is, in UTC."""

    def now(self) -> datetime: ...


class RealClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SimulatedClock:
    """A clock that stands still until it is advanced; it never goes back."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, to: datetime) -> None:
        """Moves to `to`. Raises ValueError when that lies before the present."""
        if to < self._now:
            raise ValueError(f"{to.isoformat()} lies before {self._now.isoformat()}: a clock does not go back")
        self._now = to.astimezone(UTC)
