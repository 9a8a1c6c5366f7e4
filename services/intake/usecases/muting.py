"""Knowing what mutes alerts now: compiled once for each version of it, and kept until that changes."""

import asyncio
from datetime import datetime, timedelta

from services.intake.domain.muting import EMPTY, MuteSet
from services.intake.storage.mute_store import MuteStore
from shared.clock import Clock

# What is over is left out when it is compiled again, and would otherwise stay for as long as nobody changes anything.
_LONGEST_AGE = timedelta(minutes=10)


class Mutes:
    """The newest MuteSet, for whoever takes alerts in."""

    def __init__(self, store: MuteStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._set = EMPTY
        self._compiled_at: datetime | None = None

    async def current(self, version: int | None = None) -> MuteSet:
        """Returns all that mutes, as it stands at least at `version` (see `MuteStore.version`, which is asked when it is None).

        Within a transaction it reads through that one. Costs nothing but a comparison while the version is known; two calls that
        find it changed at once both read it, rather than have one wait with a connection in hand for the other.
        """
        now = self._clock.now()
        if version is None:
            version = await self._store.version()
        if self._is_fresh(version, now):
            return self._set
        inputs = await self._store.load(now)
        # In a thread: a thousand windows, or regexes, take a while, and other calls should not wait for that.
        compiled = await asyncio.to_thread(MuteSet, inputs.subjects, inputs.rules, inputs.version)
        if compiled.version >= self._set.version:
            self._set, self._compiled_at = compiled, now
        return self._set

    def _is_fresh(self, version: int, now: datetime) -> bool:
        return self._compiled_at is not None and self._set.version >= version and now - self._compiled_at < _LONGEST_AGE
