"""The innermost stage of a call: its deadline, kept by the server so that its own error still reaches the caller in time."""

import asyncio
from typing import Any

from shared.errors import DeadlineExceeded
from shared.rpc.method import Method
from shared.rpc.pipeline import Call, Step

_MARGIN_SHARE = 0.1
_LARGEST_MARGIN_SECONDS = 0.25
_REPEAT = "it may have taken effect: repeat it with the same id"
_ASK_AGAIN = "ask again, with more time"


class DeadlineStage:
    """Ends a call a margin before the caller's deadline; a unary call without one gets the default."""

    def __init__(self, default_seconds: float) -> None:
        self._default = default_seconds

    def around(self, method: Method, then: Step) -> Step:
        # A stream may be meant to stay: only its caller can say how long.
        watches = method.full_name.partition("/")[2].startswith("Watch")
        remedy = _ASK_AGAIN if method.only_reads or watches else _REPEAT

        async def in_time(call: Call) -> Any:
            remaining = call.context.time_remaining()
            if remaining is None and call.request is not None and not watches:
                remaining = self._default
            if remaining is None:
                return await then(call)
            expiry = _Expiry(remaining - min(_LARGEST_MARGIN_SECONDS, remaining * _MARGIN_SHARE))
            try:
                return await then(call)
            except asyncio.CancelledError:
                if not expiry.is_cause():
                    raise
                raise _too_late(method, remaining, remedy) from None
            finally:
                expiry.end()

        return in_time


class _Expiry:
    """Cancels the task that makes it after `seconds`, until `end`. What asyncio.timeout does, at a third of its cost."""

    __slots__ = ("_came", "_cancelling", "_handle", "_task")

    def __init__(self, seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self._came = False
        self._handle = task.get_loop().call_later(max(0.0, seconds), self._expire)

    def is_cause(self) -> bool:
        """Whether a cancellation that arrives is this one and no other beside it."""
        return self._came and self._task.cancelling() <= self._cancelling + 1

    def end(self) -> None:
        self._handle.cancel()
        if self._came:
            self._task.uncancel()

    def _expire(self) -> None:
        self._came = True
        self._task.cancel()


def _too_late(method: Method, remaining: float, remedy: str) -> DeadlineExceeded:
    return DeadlineExceeded(f"{method.full_name} did not end within {remaining:.3f} s; {remedy}")
