"""Work that goes on beside the calls for as long as a service is open: started, started again when it fails, and cancelled."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

_RESTART_SECONDS = 1.0
_log = structlog.get_logger(__name__)

Work = Callable[[], Awaitable[None]]


class Background:
    """Tasks by name. What one raises is logged, and it starts again a second later; one that returns is done."""

    def __init__(self) -> None:
        self._works: list[tuple[str, Work]] = []
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, name: str, work: Work) -> None:
        """Names what `start` will start; to be called before that."""
        self._works.append((name, work))

    def start(self) -> None:
        """Starts each once, on the running loop."""
        self._tasks = [asyncio.create_task(_kept_going(name, work), name=name) for name, work in self._works]

    async def stop(self) -> None:
        """Cancels all and returns when they have ended; what they do on cancellation is waited for. Safe when nothing was started."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []


async def _kept_going(name: str, work: Work) -> None:
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - whatever went wrong once must not end it for good and unseen
            _log.warning("background work failed and starts again", work=name, error=repr(error))
            await asyncio.sleep(_RESTART_SECONDS)
        else:
            return
