"""A short circuit breaker: after a failure the cache is left alone for a while, so that a dead one costs nothing."""

PAUSE_SECONDS = 1.0


class Outage:
    """Knows whether the cache is away. Times are seconds of one monotonic clock, such as the event loop's."""

    def __init__(self, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._pause = pause_seconds
        self._next_try: float | None = None  # None while the cache is well
        self._began = 0.0

    @property
    def is_on(self) -> bool:
        return self._next_try is not None

    def allows(self, now: float) -> bool:
        """Whether a call may try the cache: always while it is well, and one call per pause during an outage."""
        if self._next_try is None:
            return True
        if now < self._next_try:
            return False
        self._next_try = now + self._pause  # the others go on skipping until this one has come back
        return True

    def begin(self, now: float) -> bool:
        """Takes note of a failure; returns whether it is the first of an outage."""
        first = self._next_try is None
        if first:
            self._began = now
        self._next_try = now + self._pause
        return first

    def end(self, started: float) -> bool:
        """Takes note of the success of a call that began at `started`; returns whether it ends an outage.

        A call that was under way when the outage began proves nothing: it would make an overloaded cache flap.
        """
        if self._next_try is None or started < self._began:
            return False
        self._next_try = None
        return True
