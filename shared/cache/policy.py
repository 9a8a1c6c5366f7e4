"""What a cache method answers when the cache is away, declared on the method."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Concatenate, Literal, ParamSpec, Protocol, TypeVar, overload

import structlog
from redis import exceptions

from shared.cache.client import Cache
from shared.errors import Unavailable

# Away means: no answer, or one that says it cannot serve now. Anything else (a wrong type, a bad script) is our fault.
AWAY = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.ClusterDownError,
    TimeoutError,
    OSError,
)

P = ParamSpec("P")
R = TypeVar("R")
D = TypeVar("D")

_log = structlog.get_logger(__name__)


class CacheAway(Unavailable):
    """The cache is away, and what was asked of it has no other answer."""

    reason = "CACHE_AWAY"


class HasCache(Protocol):
    """A class whose methods use `when_away`: it holds its cache as `cache`."""

    @property
    def cache(self) -> Cache: ...


S = TypeVar("S", bound=HasCache)
Method = Callable[Concatenate[S, P], Awaitable[R]]


@overload
def when_away(*, returns: D) -> Callable[[Method[S, P, R]], Method[S, P, R | D]]: ...
@overload
def when_away(*, raises: Literal[True]) -> Callable[[Method[S, P, R]], Method[S, P, R]]: ...
def when_away(*, returns: object = None, raises: bool = False) -> Callable[[Method[S, P, R]], Method[S, P, object]]:
    """Declares what a method does when the cache is away or slow: returns the given value, or raises CacheAway.

    The method as a whole gets the cache's timeout. After a failure it answers by its policy at once for a second,
    without trying the cache. Whether what it wrote arrived is unknown then. `returns` is the same object each time:
    give an immutable one.
    """

    def decorate(method: Method[S, P, R]) -> Method[S, P, object]:
        @functools.wraps(method)
        async def guarded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> object:
            cache, loop = self.cache, asyncio.get_running_loop()
            cause: BaseException | None = None
            started = loop.time()
            if cache.outage.allows(started):
                try:
                    async with asyncio.timeout(cache.timeout_seconds):
                        answer = await method(self, *args, **kwargs)
                except AWAY as error:
                    cause = error
                    _note_failure(cache, loop.time(), error)
                else:
                    _note_success(cache, started)
                    return answer
            kind = "skipped" if cause is None else type(cause).__name__
            cache.failures.add(1, {"error.type": kind, "ballast.cache.method": method.__qualname__})
            if raises:
                raise CacheAway("the cache is away; try again in a second", retry_after=timedelta(seconds=1)) from cause
            return returns

        return guarded

    return decorate


def _note_failure(cache: Cache, now: float, error: BaseException) -> None:
    if cache.outage.begin(now):
        _log.warning("cache away", error=f"{type(error).__name__}: {error}")


def _note_success(cache: Cache, started: float) -> None:
    if cache.outage.end(started):
        _log.info("cache back")
