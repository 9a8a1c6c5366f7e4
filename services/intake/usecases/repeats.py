"""Repeats: reports that say nothing new, counted in memory and written together."""

from collections.abc import Mapping
from uuid import UUID

from services.intake.storage.alert_store import AlertStore
from shared.clock import Clock


class Repeats:
    """Counts what needs no transaction of its own: the alert is durable, and what fires on is told again and again.

    Written at least every second, and before anybody reads a count. A crash loses the counts of the last second, and nothing else.
    """

    def __init__(self, store: AlertStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._counts: dict[UUID, int] = {}

    def add(self, counts: Mapping[UUID, int]) -> None:
        held = self._counts
        for signal, count in counts.items():
            held[signal] = held.get(signal, 0) + count

    async def flush(self) -> None:
        """Writes the counts; what could not be written is kept for the next time."""
        counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            await self._store.count_repeats(counts, self._clock.now())
        except Exception:
            self.add(counts)
            raise
