"""How fast the ledger grows: deliveries of 500 events, beside an audit log that takes the same ones, and rows put in ready-made."""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ballast.events.v1.call_recorded_pb2 import CallRecorded
from ballast.events.v1.cloudevents_pb2 import CloudEvent, CloudEventBatch
from ballast.events.v1.event_sink_service_pb2 import DeliverRequest, DeliverResponse
from ballast.triage.v1 import assessment_pb2, triage_events_pb2
from google.protobuf.message import Message

from bench.audit import TABLE, audit_pool, columns_of, insert
from bench.calls import DELIVER, Post, grpc_callers, timed
from bench.cpu import postmaster_of
from bench.databases import fresh_database
from bench.figures import Rounds, in_turn, paired
from bench.ground import Ground
from bench.peers import audit_log
from shared.events.event import EncodedEvent, cloud_event
from shared.ids import new_id
from shared.storage.database import connect_raw

BATCH, CALLERS = 500, 4
OURS, RECORDS, AUDIT, READY = (
    "appended to the ledger, with the lineage they show",
    "  of events that show none",
    "an audit log that takes the same deliveries",
    "  its rows put in ready-made by the driver",
)
NOTES = (
    f"{CALLERS} callers, each with {BATCH} events under way; durable once answered. CPU each: of the service and of PostgreSQL together.",
    "The ledger to it: with the lineage its events show, and with events that show none.",
    "The audit log is a bare grpc.aio service with one insert a delivery: no Merkle tree, lineage, access or telemetry (bench/audit.py).",
)
_BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)
_TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
_METHOD = "ballast.triage.v1.TriageService/ReassessIncident"


@dataclass(frozen=True, slots=True)
class Appender:
    """One that takes events: who calls it, with what, and the processes that do its work."""

    name: str
    callers: Sequence[Post]
    event: Callable[[int], CloudEvent]
    pids: Sequence[int]
    encode: Callable[[Sequence[CloudEvent]], Any] = lambda events: DeliverRequest(batch=CloudEventBatch(events=events)).SerializeToString()
    rounds: Rounds = field(default_factory=Rounds)


async def measured(ground: Ground, governance: tuple[str, int], numbers: Iterator[int]) -> list[Appender]:
    """Has all take turns, round by round; `governance` is its address and pid, `numbers` tells events apart."""
    async with _appenders(ground, governance) as appenders:
        for number in range(-1, ground.sizes.rounds):  # the first does not count
            for each in in_turn(appenders, number):
                ground.progress(f"ledger: round {max(number, 0) + 1} of {ground.sizes.rounds}, {each.name.strip()}")
                await appended(each, [each.event(next(numbers)) for _ in range(ground.sizes.appended)], Rounds() if number < 0 else None)
    return appenders


async def appended(to: Appender, told: Sequence[CloudEvent], rounds: Rounds | None = None) -> None:
    """Sends the events, and notes how many a second are durable. Raises RuntimeError where one is not."""
    requests = [to.encode(told[begin : begin + BATCH]) for begin in range(0, len(told), BATCH)]
    run = await timed(to.callers, requests, to.pids)
    if sum(len(DeliverResponse.FromString(each).outcomes) for each in run.answers) != len(told):
        raise RuntimeError(f"{to.name.strip()}: not every event was taken")
    (to.rounds if rounds is None else rounds).add(len(told), run.seconds, run.cpu_seconds)


@asynccontextmanager
async def _appenders(ground: Ground, governance: tuple[str, int]) -> AsyncIterator[list[Appender]]:
    postgres = await postmaster_of(ground.engines)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(fresh_database(ground.engines, "audit"))
        url = ground.engines.database_url_for(database)
        first = await connect_raw(url, "public")
        await first.execute(TABLE)
        await first.close()
        log = stack.enter_context(audit_log(ground.directory, url, CALLERS))
        pool = await stack.enter_async_context(audit_pool(url, CALLERS))
        ours = await stack.enter_async_context(grpc_callers([governance[0]], CALLERS, method=DELIVER))
        theirs = await stack.enter_async_context(grpc_callers([log.said], CALLERS, method=DELIVER))
        pids = [governance[1], postgres]
        yield [
            Appender(OURS, ours, assessment_made, pids),
            Appender(RECORDS, ours, call_recorded, pids),
            Appender(AUDIT, theirs, assessment_made, [log.pid, postgres]),
            Appender(READY, [_ready(pool)] * CALLERS, assessment_made, [postgres], columns_of),
        ]


def _ready(pool: Any) -> Post:
    async def post(columns: Any) -> bytes:
        await insert(pool, columns)
        return DeliverResponse(outcomes=[1] * len(columns[0])).SerializeToString()  # type: ignore[list-item]

    return post


def assessment_made(number: int) -> CloudEvent:
    """An event that shows two nodes and the edge between them."""
    assessment = assessment_pb2.Assessment(
        name=f"assessments/{uuid.UUID(int=number)}",
        incident=f"incidents/{uuid.UUID(int=number)}",
        title=f"Component {number % 500} fails",
        severity=1 + number % 5,  # type: ignore[arg-type]
        revision=1,
        model_version="bench",
    )
    return _event(number, assessment.name, triage_events_pb2.AssessmentMade(assessment=assessment))


def call_recorded(number: int) -> CloudEvent:
    """What every mutation leaves that has no event of its own."""
    incident = f"incidents/{uuid.UUID(int=number)}"
    return _event(number, incident, CallRecorded(method=_METHOD, principal="people/7", resources=[incident], request_digest=bytes(32)))


def _event(number: int, subject: str, data: Message) -> CloudEvent:
    headers = {"principal": f"people/{number % 50}", "traceparent": _TRACE, "method": _METHOD, "reason": "It is worse than it looked."}
    return cloud_event(str(new_id(datetime.now(UTC))), "/ballast/triage", EncodedEvent(subject, 1, data, _BEGIN), headers)


def rows_of(appenders: Sequence[Appender]) -> list[tuple[str, str, str, str]]:
    """Returns the lines of the table: how many a second, the CPU time of one, and the ledger's rate to theirs."""
    ours, records = appenders[0].rounds, appenders[1].rounds

    def beside(each: Appender) -> str:
        if each.name in (OURS, RECORDS):
            return ""
        return f"{paired(ours.rates, each.rounds.rates).text(2)}, {paired(records.rates, each.rounds.rates).text(2)}"

    return [(each.name, f"{each.rounds.rate} a second", each.rounds.cost, beside(each)) for each in appenders]


def data_of(appenders: Sequence[Appender]) -> dict[str, Any]:
    ours, records = appenders[0].rounds, appenders[1].rounds
    return {
        each.name.strip(): {
            **each.rounds.data(),
            "ledger_to_it": paired(ours.rates, each.rounds.rates),
            "ledger_without_lineage_to_it": paired(records.rates, each.rounds.rates),
        }
        for each in appenders
    }
