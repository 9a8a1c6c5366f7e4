"""Calling as cheaply as it goes: bytes made beforehand are sent, and bytes come back to be read once the clock has stopped."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import grpc

from bench.cpu import cpu_seconds
from shared.errors import Exhausted, Unavailable
from shared.rpc.status import error_from

REPORT_ALERTS = "/ballast.intake.v1.IntakeService/ReportAlerts"
DELIVER = "/ballast.events.v1.EventSinkService/Deliver"
_DEADLINE_SECONDS = 120.0
_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]

Post = Callable[[bytes], Awaitable[bytes]]


@dataclass(slots=True)
class Sheds:
    """How often a server asked to come again later."""

    count: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """What came back, how long it took from the first send to the last answer, and the CPU time of those who were called."""

    seconds: float
    cpu_seconds: float
    answers: list[bytes] = field(repr=False)


async def timed(callers: Sequence[Post], requests: Iterable[bytes], pids: Sequence[int] = ()) -> Run:
    """Sends every request once; each caller sends its next one when it has the answer to its last. `pids` are those who are called."""
    waiting = iter(requests)
    answers: list[bytes] = []

    async def call(post: Post) -> None:
        for request in waiting:
            answers.append(await post(request))  # noqa: PERF401 - all callers fill one list, in the order of the answers

    before = cpu_seconds(pids)
    begin = time.perf_counter()
    await asyncio.gather(*(call(post) for post in callers))
    seconds = time.perf_counter() - begin
    return Run(seconds, cpu_seconds(pids) - before, answers)


@asynccontextmanager
async def grpc_callers(
    addresses: Sequence[str], count: int, *, channels: int = 4, sheds: Sheds | None = None, method: str = REPORT_ALERTS
) -> AsyncIterator[list[Post]]:
    """Gives callers of a method over so many connections of bare grpc.aio, spread over the addresses: nothing encoded or parsed.

    What is shed with RESOURCE_EXHAUSTED is sent again after the time the server asked for, and counted.
    """
    async with AsyncExitStack() as stack:
        # A pool of its own for each, or all channels to one address would share a connection.
        opened = [
            await stack.enter_async_context(grpc.aio.insecure_channel(address, [*_OPTIONS, ("grpc.use_local_subchannel_pool", 1)]))
            for address in itertools.islice(itertools.cycle(addresses), min(count, channels))
        ]
        stubs = [channel.unary_unary(method, request_serializer=None, response_deserializer=None) for channel in opened]
        yield [_patient(stubs[number % len(stubs)], sheds or Sheds()) for number in range(count)]


def _patient(stub: "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]", sheds: Sheds) -> Post:
    async def post(request: bytes) -> bytes:
        while True:
            try:
                return await stub(request, timeout=_DEADLINE_SECONDS)
            except grpc.aio.AioRpcError as refused:
                error = error_from(refused)
                if not isinstance(error, Exhausted) or isinstance(error, Unavailable):
                    raise error from None
                sheds.count += 1
                await asyncio.sleep(error.retry_after.total_seconds())

    return post


class HttpConnection:
    """One keep-alive connection that sends whole requests and reads answers by their Content-Length."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def post(self, request: bytes) -> bytes:
        """Returns the body of the answer. Raises RuntimeError unless the status is 200 or 201."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        body = await self._reader.readexactly(length)
        if head[9:12] not in {b"200", b"201"}:
            raise RuntimeError(f"{head.splitlines()[0].decode()}: {body[:500].decode(errors='replace')}")
        return body


@asynccontextmanager
async def http_callers(address: str, count: int) -> AsyncIterator[list[Post]]:
    """Gives callers over so many keep-alive connections; see `http_post` for what they send."""
    host, _, port = address.rpartition(":")
    pairs = [await asyncio.open_connection(host, int(port)) for _ in range(count)]
    try:
        yield [HttpConnection(*pair).post for pair in pairs]
    finally:
        for _, writer in pairs:
            writer.close()


def http_post(path: str, body: bytes) -> bytes:
    """Returns the whole request, head and body, ready to be sent."""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
