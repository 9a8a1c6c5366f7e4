"""Streams of reports: receipts in order, resuming after every way a connection ends, and a sender held back by a store that is slow."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from ballast.intake.v1 import alert_pb2
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub
from ballast.intake.v1.stream_pb2 import StreamAlertsRequest, StreamAlertsResponse

from services.intake.transport.streaming import WINDOW
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.storage.database import connect_raw
from tests.conftest import START
from tests.support.intake import report
from tests.support.relay import relaying
from tests.support.replicas import Replicas, replicas_serving
from tests.support.waiting import SECONDS, until
from tests.support.wire import info_of

EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # the published types lack it


@pytest.fixture
async def intake(own_urls: dict[str, str], engines: Engines) -> AsyncIterator[Replicas]:
    async with replicas_serving(own_urls, engines, SimulatedClock(START)) as running:
        yield running


def batch(sequence: int, *reports: alert_pb2.AlertReport, **fields: Any) -> StreamAlertsRequest:
    return StreamAlertsRequest(sequence=sequence, reports=reports or (report(f"c{sequence}"),), **fields)


def outcomes(answer: StreamAlertsResponse) -> list[str]:
    return [alert_pb2.ReportOutcome.Name(each.outcome).removeprefix("REPORT_OUTCOME_") for each in answer.receipts]


@asynccontextmanager
async def calling(address: str) -> AsyncIterator[Any]:
    """Gives the RPC at an address as any other client sees it."""
    async with grpc.aio.insecure_channel(address) as channel:
        yield IntakeServiceStub(channel).StreamAlerts


async def read(call: Any) -> Any:
    async with asyncio.timeout(SECONDS):
        return await call.read()


async def ends(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await _read_on(call)
    return error.value


async def _read_on(call: Any) -> None:
    while await read(call) is not EOF:
        pass


@asynccontextmanager
async def nothing_written(urls: dict[str, str]) -> AsyncIterator[None]:
    """Keeps every alert from being written, as a store that has come to a halt."""
    connection = await connect_raw(urls["intake"], "intake")
    try:
        async with connection.transaction():
            await connection.execute("lock table alert in exclusive mode")
            yield
    finally:
        await connection.close()


# Receipts.


async def test_each_batch_is_answered_in_order_with_a_receipt_for_each_report(intake: Replicas) -> None:
    async with calling(intake.first.address) as talk:
        call = talk()
        for sequence in range(1, 9):
            reports = [report(f"c{sequence}-{number}") for number in range(sequence)]
            await call.write(batch(sequence, *reports, source="test" if sequence == 1 else ""))
        await call.done_writing()
        answers = [await read(call) for _ in range(8)]
        assert await read(call) is EOF
    assert [(each.sequence, outcomes(each), each.window) for each in answers] == [(n, ["OPENED"] * n, WINDOW) for n in range(1, 9)]
    for answer in answers:  # durable, and at every replica
        for receipt in answer.receipts:
            assert (await intake.second.incident(receipt.incident)).firing_count == 1


async def test_a_report_that_is_refused_holds_up_neither_its_batch_nor_the_stream(intake: Replicas) -> None:
    async with calling(intake.first.address) as talk:
        call = talk()
        await call.write(batch(1, report("good"), alert_pb2.AlertReport(), report("fine"), source="test"))
        await call.write(batch(2, alert_pb2.AlertReport(labels={"": "x"})))
        await call.write(batch(3))
        first, second, third = [await read(call) for _ in range(3)]
        call.cancel()
    assert outcomes(first) == ["OPENED", "REFUSED", "OPENED"]
    refused = first.receipts[1]
    assert (refused.alert, refused.error.reason, refused.error.field) == ("", "FIELD_INVALID", "reports[1].labels")
    assert (outcomes(second), second.receipts[0].error.field) == (["REFUSED"], 'reports[0].labels[""]')
    assert outcomes(third) == ["OPENED"]


async def test_batches_are_applied_in_their_order_however_fast_they_come(intake: Replicas) -> None:
    """Without times of its own, an end means what the batch before it began."""
    async with calling(intake.first.address) as talk:
        call = talk()
        fires = alert_pb2.AlertReport(labels={"component": "web"})
        over = alert_pb2.AlertReport(labels={"component": "web"}, ends_at=report("web", 0, 0).ends_at)
        for sequence in range(1, 21):
            signal = alert_pb2.AlertReport()
            signal.CopyFrom(over if sequence % 2 == 0 else fires)
            signal.labels["number"] = str((sequence + 1) // 2)
            await call.write(batch(sequence, signal, source="test"))
        answers = [await read(call) for _ in range(20)]
        call.cancel()
    assert [outcomes(each)[0] for each in answers] == ["OPENED", "RESOLVED"] * 10


async def test_a_stream_of_nothing_ends_well(intake: Replicas) -> None:
    async with calling(intake.first.address) as talk:
        call = talk()
        await call.done_writing()
        assert await read(call) is EOF
        call = talk()
        await call.write(StreamAlertsRequest(source="test"))
        await call.done_writing()
        assert await read(call) is EOF
        assert await call.code() is grpc.StatusCode.OK


@pytest.mark.parametrize("stream_id", ["", "0199a0c0-0000-7000-8000-000000000001"])
async def test_a_batch_without_reports_is_answered_in_its_turn_without_receipts(intake: Replicas, stream_id: str) -> None:
    async with calling(intake.first.address) as talk:
        call = talk()
        await call.write(StreamAlertsRequest(source="test", stream_id=stream_id))
        for sequence in (1, 3, 4):
            await call.write(batch(sequence) if sequence == 3 else StreamAlertsRequest(sequence=sequence))
        await call.done_writing()
        answers = [await read(call) for _ in range(4 if stream_id else 3)]
        assert await read(call) is EOF
    told = [(each.sequence, outcomes(each), each.duplicate, each.window) for each in answers]
    assert told[-3:] == [(1, [], False, WINDOW), (3, ["OPENED"], False, WINDOW), (4, [], False, WINDOW)]
    if stream_id:  # it counts as taken
        async with calling(intake.second.address) as talk:
            call = talk()
            await call.write(StreamAlertsRequest(source="test", stream_id=stream_id))
            assert (await read(call)).sequence == 4
            await call.write(StreamAlertsRequest(sequence=4))
            assert (await read(call)).duplicate
            call.cancel()


async def test_a_stream_that_cannot_resume_may_begin_with_a_batch_without_reports(intake: Replicas) -> None:
    async with calling(intake.first.address) as talk:
        call = talk()
        await call.write(StreamAlertsRequest(source="test", sequence=1))
        answer = await read(call)
        call.cancel()
    assert (answer.sequence, outcomes(answer), answer.duplicate) == (1, [], False)


# Refusals.


@pytest.mark.parametrize(
    ("requests", "reason", "field"),
    [
        pytest.param([batch(1)], "SOURCE_MISSING", "source", id="no source"),
        pytest.param([batch(2, source="a"), batch(2)], "SEQUENCE_INVALID", "sequence", id="twice"),
        pytest.param([batch(2, source="a"), batch(1)], "SEQUENCE_INVALID", "sequence", id="back"),
        pytest.param([batch(0, source="a")], "SEQUENCE_INVALID", "sequence", id="none"),
        pytest.param([batch(1, source="a"), batch(2, source="b")], "SOURCE_CHANGED", "source", id="another source"),
        pytest.param(
            [batch(1, source="a"), StreamAlertsRequest(source="b")], "SOURCE_CHANGED", "source", id="another source and no reports"
        ),
        pytest.param([batch(1, source="a"), StreamAlertsRequest()], "SEQUENCE_INVALID", "sequence", id="no reports and no sequence"),
        pytest.param([batch(2, source="a"), StreamAlertsRequest(sequence=2)], "SEQUENCE_INVALID", "sequence", id="twice, without reports"),
        pytest.param([batch(1, source="a", stream_id="x")], "FIELD_INVALID", "stream_id", id="no UUID"),
        pytest.param([batch(1, *[report("a")] * 1001, source="a")], "FIELD_INVALID", "reports", id="too many"),
    ],
)
async def test_what_breaks_a_rule_of_streams_ends_it_by_reason_after_the_answers_before_it(
    intake: Replicas, requests: list[StreamAlertsRequest], reason: str, field: str
) -> None:
    async with calling(intake.first.address) as talk:
        call = talk()
        for request in requests:
            await call.write(request)
        for good in requests[:-1]:
            assert (await read(call)).sequence == good.sequence
        error = await ends(call)
    assert (error.code(), info_of(error).reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert field in str(error.details())


async def test_the_stream_of_another_source_is_refused(intake: Replicas) -> None:
    stream_id = str(uuid.uuid4())
    async with calling(intake.first.address) as talk:
        call = talk()
        await call.write(batch(1, source="a", stream_id=stream_id))
        await read(call)
        await read(call)
        call.cancel()
        call = talk()
        await call.write(batch(2, source="b", stream_id=stream_id))
        error = await ends(call)
    assert info_of(error).reason == "STREAM_OF_ANOTHER"


# Resuming.


async def test_a_stream_that_was_cut_goes_on_where_it_was_and_nothing_counts_twice(intake: Replicas) -> None:
    stream_id = str(uuid.uuid4())
    sent = [batch(number) for number in range(1, 7)]
    with relaying(intake.first.address) as relay:
        async with calling(relay.address) as talk:
            call = talk()
            await call.write(StreamAlertsRequest(source="test", stream_id=stream_id))
            assert ((await read(call)).sequence, call.done()) == (0, False)
            for each in sent[:4]:
                await call.write(each)
            assert [(await read(call)).sequence for _ in range(4)] == [1, 2, 3, 4]
            relay.cut()
            assert (await ends(call)).code() is grpc.StatusCode.UNAVAILABLE
    async with calling(intake.second.address) as talk:
        call = talk()
        await call.write(StreamAlertsRequest(source="test", stream_id=stream_id))
        assert (await read(call)).sequence == 4
        for each in sent[2:]:
            await call.write(each)
        answers = [await read(call) for _ in range(4)]
        call.cancel()
    assert [(each.sequence, each.duplicate, outcomes(each)) for each in answers] == [
        (3, True, []),
        (4, True, []),
        (5, False, ["OPENED"]),
        (6, False, ["OPENED"]),
    ]
    counts = {each.labels["component"]: each.report_count for each in await intake.first.alerts("")}
    assert counts == {f"c{number}": 1 for number in range(1, 7)}


async def test_a_server_that_stops_ends_the_stream_as_unavailable_and_another_replica_takes_it_over(intake: Replicas) -> None:
    stream_id = str(uuid.uuid4())
    async with calling(intake.second.address) as talk:
        call = talk()
        await call.write(batch(1, source="test", stream_id=stream_id))
        assert [(await read(call)).sequence for _ in range(2)] == [0, 1]
        stopping = asyncio.create_task(intake.second.app.stop())
        assert (await ends(call)).code() is grpc.StatusCode.UNAVAILABLE
        await stopping
    async with calling(intake.first.address) as talk:
        call = talk()
        await call.write(batch(2, source="test", stream_id=stream_id))
        assert [(await read(call)).sequence for _ in range(2)] == [1, 2]
        call.cancel()


async def test_a_caller_that_leaves_in_the_middle_of_a_batch_finds_it_done_or_not_done_and_never_half(
    intake: Replicas, own_urls: dict[str, str]
) -> None:
    stream_id = str(uuid.uuid4())
    reports = [report("web", alertname=str(number)) for number in range(200)]
    async with calling(intake.first.address) as talk:
        async with nothing_written(own_urls):
            call = talk()
            await call.write(batch(1, *reports, source="test", stream_id=stream_id))
            await read(call)
            await asyncio.sleep(0.2)
            call.cancel()
            await asyncio.sleep(0.2)
        call = talk()
        await call.write(batch(1, *reports, source="test", stream_id=stream_id))
        first, second = [await read(call) for _ in range(2)]
        call.cancel()
    assert first.sequence == 0
    assert {*outcomes(second)} <= {"OPENED", "REPEATED"}
    (opened,) = await intake.incidents("web")
    assert (opened.alert_count, opened.firing_count) == (200, 200)
    assert len(await intake.first.alerts(opened.name)) == 200


# Holding the sender back.


async def test_a_store_at_a_halt_holds_the_sender_back_and_all_goes_on_when_it_is_over(intake: Replicas, own_urls: dict[str, str]) -> None:
    count, sent = 100, 0  # 32 MB, which no connection holds by itself

    def large(sequence: int) -> StreamAlertsRequest:
        reports = [report(f"c{sequence}", number=str(number)) for number in range(40)]
        for each in reports:
            each.annotations["description"] = "x" * 8000
        return batch(sequence, *reports, source="test")

    async with calling(intake.first.address) as talk:
        call = talk()

        async def send() -> None:
            nonlocal sent
            for sequence in range(1, count + 1):
                await call.write(large(sequence))
                sent += 1
            await call.done_writing()

        async with nothing_written(own_urls):
            sending = asyncio.create_task(send())
            await until(lambda: sent >= WINDOW)
            await asyncio.sleep(1)
            held = sent
            await asyncio.sleep(0.5)
            assert held == sent < count
        answers = [await read(call) for _ in range(count)]
        await sending
        assert await read(call) is EOF
    assert [each.sequence for each in answers] == list(range(1, count + 1))
    assert all(outcomes(each) == ["OPENED"] * 40 for each in answers)
