"""Streams: how far each was taken, so that a sender that lost its connection goes on where it was."""

from uuid import UUID

from services.intake.storage.stream_store import StreamStore
from shared.clock import Clock


class Streams:
    """Remembers the last batch of each stream of which every batch before it is durable."""

    def __init__(self, store: StreamStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def taken(self, stream_id: UUID, source: str) -> int:
        """Returns the last batch taken, 0 for a stream not seen before. Raises StreamOfAnother where another source has this id."""
        return await self._store.taken(stream_id, source)

    async def take(self, stream_id: UUID, source: str, sequence: int) -> None:
        """Notes a batch, to be called in the order of the stream once the batch is durable and before it is answered."""
        await self._store.take(stream_id, source, sequence, self._clock.now())
