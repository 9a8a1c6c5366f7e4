"""Calls at a fixed rate, whether or not those before were answered, each timed from when it was due."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

_DEADLINE_SECONDS = 30.0
_CHANNELS = 4


@dataclass(slots=True)
class Paced:
    """What calls took, in seconds from when each was due to its answer; `lag` is how late the caller itself began one."""

    seconds: list[float] = field(default_factory=list)
    lag: list[float] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list, repr=False)


@asynccontextmanager
async def caller_of(address: str, method: str) -> AsyncIterator[Sequence[Any]]:
    """Gives stubs of a method over connections of their own, that send and get bytes: nothing encoded or parsed."""
    channels = [grpc.aio.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) for _ in range(_CHANNELS)]
    try:
        yield [channel.unary_unary(method, request_serializer=None, response_deserializer=None) for channel in channels]
    finally:
        for channel in channels:
            await channel.close(None)


async def paced(stubs: Sequence[Any], requests: Sequence[bytes], per_second: float, seconds: float) -> Paced:
    """Sends the requests in turn at that rate. A server that falls behind is measured as its callers would: nobody waits for it."""
    found, tasks = Paced(), set()
    begin = time.perf_counter() + 0.05

    async def call(stub: Any, request: bytes, due: float) -> None:
        answer = await stub(request, timeout=_DEADLINE_SECONDS)
        found.seconds.append(time.perf_counter() - due)
        found.answers.append(answer)

    for number in range(round(per_second * seconds)):
        due = begin + number / per_second
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        found.lag.append(time.perf_counter() - due)
        task = asyncio.create_task(call(stubs[number % len(stubs)], requests[number % len(requests)], due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    return found
