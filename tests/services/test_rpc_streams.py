"""Streams in both directions: each message checked and answered as it comes, the sender held back, and every way such a call ends."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from ballast.access.v1 import access_pb2
from buf.validate import validate_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from shared.errors import InvalidInput
from shared.principal import current_principal_name
from shared.rpc.client import ClientCredentials, connect
from shared.rpc.server import GrpcService, Server
from shared.settings import ServiceSettings
from shared.telemetry import setup, trace_ids
from tests.support.waiting import SECONDS, until
from tests.support.wire import info_of, status_of_error

PATH = "/tests.lines.v1.LineService/Talk"
LARGEST = 256 * 1024
EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # the published types lack it
Talk = Callable[[AsyncIterator[Any]], AsyncIterator[Any]]


def contract() -> Any:
    """Returns the message type of a service whose one RPC takes and gives lines, of at most 100,000 characters, to a viewer."""
    file = descriptor_pb2.FileDescriptorProto(name="tests/lines.proto", package="tests.lines.v1", syntax="proto3")
    file.dependency.extend(["buf/validate/validate.proto", "ballast/access/v1/access.proto"])
    text = file.message_type.add(name="Line").field.add(name="text", number=1)
    text.type, text.label = text.TYPE_STRING, text.LABEL_OPTIONAL
    text.options.Extensions[validate_pb2.field].string.max_len = 100_000
    method = file.service.add(name="LineService").method.add(name="Talk", client_streaming=True, server_streaming=True)
    method.input_type = method.output_type = ".tests.lines.v1.Line"
    method.options.Extensions[access_pb2.rule].role = access_pb2.ROLE_VIEWER
    descriptor_pool.Default().Add(file)
    return message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName("tests.lines.v1.Line"))


Line = contract()


async def echo(lines: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for line in lines:
        yield Line(text=line.text.upper())


@asynccontextmanager
async def talking(talk: Talk, **settings: Any) -> AsyncIterator[tuple[Server, Any]]:
    """Serves `talk`; gives the server, and the RPC as any other client sees it."""

    async def answer(lines: AsyncIterator[Any], context: object) -> AsyncIterator[Any]:
        async with contextlib.aclosing(talk(lines)) as answers:  # type: ignore[type-var]  # generators, all of them
            async for each in answers:
                yield each

    def register(_: object, server: grpc.aio.Server) -> None:
        handler = grpc.stream_stream_rpc_method_handler(
            answer, request_deserializer=Line.FromString, response_serializer=Line.SerializeToString
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("tests.lines.v1.LineService", {"Talk": handler}),))

    server = Server("test", ServiceSettings(**{"drain_seconds": 0, "largest_message_bytes": LARGEST} | settings), setup("test"))
    server.add(GrpcService(descriptor_pool.Default().FindServiceByName("tests.lines.v1.LineService"), register), object())
    await server.start()
    await server.set_ready(ready=True)
    try:
        async with grpc.aio.insecure_channel(server.address) as channel:
            yield server, channel.stream_stream(PATH, request_serializer=_raw, response_deserializer=Line.FromString)
    finally:
        await server.stop()


def _raw(line: Any) -> bytes:
    raw: bytes = line if isinstance(line, bytes) else line.SerializeToString()
    return raw


async def ends(call: Any) -> grpc.aio.AioRpcError:
    """Reads whatever still comes; returns the error the stream ends with."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await _read_on(call)
    return error.value


async def _read_on(call: Any) -> None:
    async with asyncio.timeout(SECONDS):
        while await call.read() is not EOF:
            pass


async def test_each_message_is_answered_before_the_next_is_sent() -> None:
    async with talking(echo) as (_, talk):
        call = talk()
        for text in ("one", "two", "three"):
            await call.write(Line(text=text))
            assert (await call.read()).text == text.upper()
        await call.done_writing()
        assert await call.read() is EOF
        assert await call.code() is grpc.StatusCode.OK


async def test_a_handler_that_stops_reading_holds_the_sender_back_and_loses_nothing() -> None:
    count, go_on, read = 1_000, asyncio.Event(), 0

    async def slow(lines: AsyncIterator[Any]) -> AsyncIterator[Any]:
        nonlocal read
        async for _ in lines:
            read += 1
            await go_on.wait()
        yield Line(text=str(read))

    async with talking(slow) as (_, talk):
        call, sent = talk(), 0

        async def send() -> None:
            nonlocal sent
            for _ in range(count):
                await call.write(Line(text="x" * 90_000))
                sent += 1
            await call.done_writing()

        sending = asyncio.create_task(send())
        await until(lambda: read == 1)
        await asyncio.sleep(0.5)
        # 90 MB in all; what fits the window went, which grows to some 20 MB where all is fast, and not a message more.
        assert sent < count / 2
        assert read == 1
        before = sent
        await asyncio.sleep(0.2)
        assert sent == before
        go_on.set()
        await sending
        assert (await call.read()).text == str(count)


async def test_a_message_that_breaks_a_rule_ends_the_stream_after_the_answers_to_those_before_it() -> None:
    async with talking(echo) as (_, talk):
        call = talk()
        await call.write(Line(text="good"))
        await call.write(Line(text="y" * 100_001))
        await call.write(Line(text="never seen"))
        assert (await call.read()).text == "GOOD"
        error = await ends(call)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert info_of(error).reason == "FIELD_INVALID"
    assert "text: must be at most 100000 characters" in status_of_error(error).message


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(b"\x0a\xff", "REQUEST_MALFORMED", id="no message of the type"),
        pytest.param(Line(text="y" * (LARGEST + 1)).SerializeToString(), "REQUEST_TOO_LARGE", id="too large"),
    ],
)
async def test_bytes_that_cannot_be_taken_end_the_stream_with_the_reason(raw: bytes, reason: str) -> None:
    async with talking(echo) as (_, talk):
        call = talk()
        await call.write(Line(text="good"))
        assert (await call.read()).text == "GOOD"
        await call.write(raw)
        error = await ends(call)
    assert (error.code(), info_of(error).reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)


async def test_a_refusal_met_in_one_of_the_handlers_own_tasks_is_the_callers_answer_all_the_same() -> None:
    async def in_tasks(lines: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async with asyncio.TaskGroup() as group:
            first: asyncio.Task[Any] = group.create_task(anext(lines))  # type: ignore[arg-type]  # awaitable enough
        yield first.result()

    async with talking(in_tasks) as (_, talk):
        call = talk()
        await call.write(Line(text="y" * 100_001))
        error = await ends(call)
    assert info_of(error).reason == "FIELD_INVALID"


async def test_a_handler_that_fails_in_mid_stream_gives_an_id_and_what_it_had_answered() -> None:
    async def failing(lines: AsyncIterator[Any]) -> AsyncIterator[Any]:
        yield await anext(lines)
        raise ValueError("secret")

    async with talking(failing) as (_, talk):
        call = talk()
        await call.write(Line(text="one"))
        assert (await call.read()).text == "one"
        error = await ends(call)
    assert error.code() is grpc.StatusCode.INTERNAL
    assert len(info_of(error).metadata["error_id"]) == 32
    assert "secret" not in str(error)


async def test_a_caller_that_cancels_ends_the_handler_in_its_own_task() -> None:
    ended: list[bool] = []

    async def patient(lines: AsyncIterator[Any]) -> AsyncIterator[Any]:
        task = asyncio.current_task()
        try:
            async for line in lines:
                yield line
        finally:
            ended.append(task is asyncio.current_task())

    async with talking(patient) as (_, talk):
        call = talk()
        await call.write(Line(text="one"))
        await call.read()
        call.cancel()
        await until(lambda: bool(ended))
    assert ended == [True]


async def test_a_caller_that_cancels_while_an_answer_is_on_its_way_ends_the_handler_in_its_own_task() -> None:
    ended: list[bool] = []

    async def much(_: AsyncIterator[Any]) -> AsyncIterator[Any]:
        task = asyncio.current_task()
        try:
            while True:
                yield Line(text="x" * 90_000)
        finally:
            ended.append(task is asyncio.current_task())

    async with talking(much) as (_, talk):
        call = talk()
        await call.read()
        await asyncio.sleep(0.2)  # until the window is full
        call.cancel()
        await until(lambda: bool(ended))
    assert ended == [True]


async def test_a_stream_ends_at_its_callers_deadline_with_the_servers_error() -> None:
    async with talking(echo) as (_, talk):
        call = talk(timeout=0.5)
        await call.write(Line(text="one"))
        error = await ends(call)
    assert info_of(error).reason == "DEADLINE_EXCEEDED"  # which only a server sends


async def test_a_stream_without_a_deadline_outlives_the_default() -> None:
    async with talking(echo, default_deadline_seconds=0.1) as (_, talk):
        call = talk()
        await asyncio.sleep(0.4)
        await call.write(Line(text="late"))
        assert (await call.read()).text == "LATE"
        call.cancel()


async def test_a_handler_knows_who_streams_and_in_which_trace() -> None:
    async def who(lines: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for _ in lines:
            yield Line(text=f"{current_principal_name()} {trace_ids()[0]}")

    async with talking(who) as (_, talk):
        call = talk(metadata=(("ballast-principal", "ada"), ("traceparent", f"00-{'a' * 32}-{'b' * 16}-01")))
        await call.write(Line())
        assert (await call.read()).text == f"ada {'a' * 32}"
        call.cancel()


async def test_our_own_client_streams_both_ways_by_its_name_and_gets_our_own_errors() -> None:
    async def who(lines: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for line in lines:
            yield Line(text=f"{current_principal_name()} said {line.text}")

    async def lines() -> AsyncIterator[Any]:
        yield Line(text="one")
        yield Line(text="y" * 100_001)

    async with talking(who) as (server, _):
        channel = connect(server.address, credentials=ClientCredentials(local_name="ada"))
        answers = aiter(channel.grpc.stream_stream(PATH, request_serializer=_raw, response_deserializer=Line.FromString)(lines()))
        assert (await anext(answers)).text == "ada said one"
        with pytest.raises(InvalidInput) as error:
            await anext(answers)
        await channel.close()
    assert [each.field for each in error.value.violations] == ["text"]


async def test_our_own_client_may_write_and_read_in_turns() -> None:
    async with talking(echo) as (server, _):
        channel = connect(server.address)
        call: Any = channel.grpc.stream_stream(PATH, request_serializer=_raw, response_deserializer=Line.FromString)()  # type: ignore[call-arg]  # the published types ask for an iterator
        answers = aiter(call)
        for text in ("one", "two"):
            await call.write(Line(text=text))
            assert (await anext(answers)).text == text.upper()
        await call.done_writing()
        with pytest.raises(StopAsyncIteration):
            await anext(answers)
        await channel.close()


async def test_a_server_that_stops_answers_what_it_has_read_and_tells_the_caller_to_come_again() -> None:
    held, let_go = asyncio.Event(), asyncio.Event()

    async def careful(lines: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for line in lines:
            held.set()
            await let_go.wait()
            yield line

    async with talking(careful, drain_seconds=SECONDS) as (server, talk):
        call = talk()
        await call.write(Line(text="taken"))
        await held.wait()
        begin = time.monotonic()
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0.1)
        assert not stopping.done()
        let_go.set()
        assert (await call.read()).text == "taken"
        error = await ends(call)
        await stopping
    assert time.monotonic() - begin < SECONDS / 2
    assert (error.code(), info_of(error).reason) == (grpc.StatusCode.UNAVAILABLE, "STREAM_ENDED")
    assert "send what was not answered once more" in str(error.details())


async def test_a_server_that_stops_does_not_wait_for_a_caller_that_says_nothing() -> None:
    async with talking(echo, drain_seconds=SECONDS) as (server, talk):
        call = talk()
        await call.write(Line(text="one"))
        await call.read()
        begin = time.monotonic()
        await server.stop()
        assert time.monotonic() - begin < SECONDS / 2
        assert info_of(await ends(call)).reason == "STREAM_ENDED"


async def test_a_stream_that_lasts_longer_than_the_drain_is_cut() -> None:
    async def endless(lines: AsyncIterator[Any]) -> AsyncIterator[Any]:
        yield await anext(lines)
        await asyncio.Event().wait()

    async with talking(endless, drain_seconds=0.2) as (server, talk):
        call = talk()
        await call.write(Line(text="one"))
        await call.read()
        async with asyncio.timeout(SECONDS / 2):
            await server.stop()
        await ends(call)
