"""The ledger: how fast it grows beside a table that is only inserted into, and how long proofs and verification take when it is long."""

import asyncio
import itertools
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import asyncpg
from ballast.events.v1.cloudevents_pb2 import CloudEvent, CloudEventBatch
from ballast.events.v1.event_sink_service_pb2 import DeliverRequest
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceStub
from ballast.governance.v1 import governance_service_pb2
from ballast.governance.v1 import ledger_service_pb2 as pb
from ballast.governance.v1.governance_service_pb2_grpc import GovernanceServiceStub
from ballast.governance.v1.ledger_service_pb2_grpc import LedgerServiceStub
from ballast.triage.v1 import assessment_pb2, triage_events_pb2
from google.protobuf.json_format import MessageToJson

from bench.databases import fresh_database, vacuum
from bench.figures import in_turn, milliseconds, paired, spread, tail
from bench.governance import running_governance
from bench.ground import Ground
from bench.report import Section
from clients.cli.ledger_file import verify_file
from shared.events.event import EncodedEvent, cloud_event
from shared.ids import new_id
from shared.rpc.client import connect
from shared.storage.database import connect_raw
from shared.transparency.merkle import root_from_inclusion
from shared.transparency.note import Verifier

if TYPE_CHECKING:  # the async stubs exist for the type checker only
    from ballast.governance.v1.ledger_service_pb2_grpc import LedgerServiceAsyncStub

BATCH, CALLERS = 500, 4
_BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)
_LONG_SECONDS = 600
_TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
# What an audit log usually is: every column that the ledger finds entries by, indexed, and the event beside it.
_TABLE = """
    create table audit (
        id bigint generated always as identity primary key, event_id text not null, source text not null, type text not null,
        subject text not null, principal text not null, event_time timestamptz not null, recorded_at timestamptz not null default now(),
        trace_id text not null, payload bytea not null);
    create unique index audit_by_event on audit (source, event_id);
    create index audit_by_subject on audit (subject, id);
    create index audit_by_type on audit (type, id);
    create index audit_by_trace on audit (trace_id, id);
    create index audit_by_principal on audit (principal, id);
"""
_INSERT = """
    insert into audit (event_id, source, type, subject, principal, event_time, trace_id, payload)
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::bytea[])
"""

_NOTES = [
    "The ledger reads each event, answers an RPC and draws lineage; the table is filled by asyncpg directly.",
    "Every proof and both verifications are checked: one that does not hold ends the run.",
]

Batch = Sequence[CloudEvent]
Send = Callable[[Batch], Awaitable[object]]


async def ledger(ground: Ground) -> Section:
    """Appends in turns to both; then fills the ledger, and asks for proofs, verifies it, exports it and verifies that."""
    sizes = ground.sizes
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(fresh_database(ground.engines, "audit"))
        inserts = await _audit(stack, ground.engines.database_url_for(database))
        address = await stack.enter_async_context(running_governance(ground.engines, "ledger", ground.directory))
        channel = connect(address)
        stack.push_async_callback(channel.close)
        events, proofs = EventSinkServiceStub(channel.grpc), LedgerServiceStub(channel.grpc)

        async def deliver(batch: Batch) -> None:
            await events.Deliver(DeliverRequest(batch=CloudEventBatch(events=batch)), timeout=_LONG_SECONDS)

        numbers = itertools.count()
        rates: dict[str, list[float]] = {"ledger": [], "audit": []}
        for round_ in range(sizes.rounds + 1):  # the first does not count
            ground.progress(f"ledger: round {round_} of {sizes.rounds}, {sizes.appended:,} entries each")
            told = [_event(next(numbers)) for _ in range(sizes.appended)]
            for name, send in in_turn((("ledger", deliver), ("audit", inserts)), round_):
                rates[name].append(await _appended(told, send))
        count = await _filled(ground, deliver, numbers)
        await vacuum(ground.engines, "ledger")
        proved = tail(await _proved(ground, proofs, count))
        verified = await _verified(ground, GovernanceServiceStub(channel.grpc))
        exported, offline = await _exported(ground, proofs)
    ours, theirs = (spread(rates[name][1:]) for name in ("ledger", "audit"))
    beside = paired(rates["ledger"][1:], rates["audit"][1:])
    rows = [
        (f"appended, {CALLERS} deliveries of {BATCH} at once, durable", f"{ours.text()} a second", f"{beside.text(2)} ×"),
        ("inserted into the audit table", f"{theirs.text()} a second", "1"),
        (f"inclusion proof among {count:,}", f"{milliseconds(proved.p50)}", f"p99 {milliseconds(proved.p99)}"),
        (f"verified by the service, {count:,} entries", f"{verified:.1f} s", f"{count / verified:,.0f} a second"),
        (f"exported, {count:,} entries", f"{exported:.1f} s", ""),
        (f"that export verified offline, {count:,} entries", f"{offline:.1f} s", f"{count / offline:,.0f} a second"),
    ]
    data: dict[str, Any] = {
        "appended_per_second": {"ledger": ours, "audit": theirs, "ratio": beside},
        "proof_seconds": {"latency": proved},
        "verification_seconds": {"service": verified, "export": exported, "offline": offline, "entries": count},
    }
    return Section(f"Ledger; median of {sizes.rounds} rounds (least–most)", ("", "", ""), rows, data, _NOTES)


async def _audit(stack: AsyncExitStack, url: str) -> Send:
    """Makes the audit table, and returns what inserts into it over connections of its own."""
    first = await connect_raw(url, "public")
    await first.execute(_TABLE)
    await first.close()
    pool: asyncpg.Pool[Any] = await asyncpg.create_pool(
        url.replace("postgresql+asyncpg://", "postgresql://", 1), min_size=CALLERS, max_size=CALLERS
    )
    stack.push_async_callback(pool.close)

    async def insert(batch: Batch) -> None:
        rows = [
            (
                each.id,
                each.source,
                each.type,
                each.attributes["subject"].ce_string,
                each.attributes["principal"].ce_string,
                _BEGIN,
                each.attributes["traceparent"].ce_string[3:35],
                each.proto_data.value,
            )
            for each in batch
        ]
        await pool.execute(_INSERT, *zip(*rows, strict=True))

    return insert


def _event(number: int) -> CloudEvent:
    incident = f"incidents/{uuid.UUID(int=number)}"
    assessment = assessment_pb2.Assessment(
        name=f"assessments/{uuid.UUID(int=number)}",
        incident=incident,
        title=f"Component {number % 500} fails",
        severity=1 + number % 5,  # type: ignore[arg-type]
        revision=1,
        model_version="bench",
    )
    encoded = EncodedEvent(assessment.name, 1, triage_events_pb2.AssessmentMade(assessment=assessment), _BEGIN)
    return cloud_event(
        str(new_id(datetime.now(UTC))), "/ballast/triage", encoded, {"principal": f"people/{number % 50}", "traceparent": _TRACE}
    )


async def _appended(told: Batch, send: Send) -> float:
    """Returns how many a second are durable."""
    batches: Iterator[Batch] = iter([told[begin : begin + BATCH] for begin in range(0, len(told), BATCH)])

    async def go() -> None:
        for batch in batches:
            await send(batch)

    begin = time.perf_counter()
    await asyncio.gather(*(go() for _ in range(CALLERS)))
    return len(told) / (time.perf_counter() - begin)


async def _filled(ground: Ground, deliver: Send, numbers: Iterator[int]) -> int:
    """Appends until the ledger is as long as it is to be; returns how long it is."""
    wanted, count = ground.sizes.ledger_entries, ground.sizes.appended * (ground.sizes.rounds + 1)
    while count < wanted:
        part = min(20_000, wanted - count)
        ground.progress(f"ledger: {count:,} of {wanted:,} entries")
        await _appended([_event(next(numbers)) for _ in range(part)], deliver)
        count += part
    return count


async def _proved(ground: Ground, proofs: "LedgerServiceAsyncStub", count: int) -> list[float]:
    chosen = random.Random(7)
    checkpoint = await proofs.GetCheckpoint(pb.GetCheckpointRequest())
    seconds = []
    for number in range(ground.sizes.proofs):
        ground.progress(f"ledger: proof {number + 1} of {ground.sizes.proofs}")
        request = pb.GetInclusionProofRequest(sequence=chosen.randint(1, count), tree_size=count)
        begin = time.perf_counter()
        answer = await proofs.GetInclusionProof(request)
        seconds.append(time.perf_counter() - begin)
        if root_from_inclusion(answer.leaf_index, count, answer.leaf_hash, list(answer.path)) != checkpoint.root_hash:
            raise RuntimeError(f"the proof of entry {request.sequence} does not hold")
    return seconds


async def _verified(ground: Ground, governance: Any) -> float:
    begin = time.perf_counter()
    last = governance_service_pb2.VerifyLedgerResponse()
    async for last in governance.VerifyLedger(governance_service_pb2.VerifyLedgerRequest(), timeout=_LONG_SECONDS):
        ground.progress(f"ledger: verified {last.verified_count:,} of {last.total_count:,}")
    if not last.done or last.HasField("fault"):
        raise RuntimeError(f"the ledger does not verify: {last}")
    return time.perf_counter() - begin


async def _exported(ground: Ground, proofs: "LedgerServiceAsyncStub") -> tuple[float, float]:
    """Returns the seconds that an export takes until it is a file, and that checking this takes."""
    file = ground.directory / "export.jsonl"
    key = Verifier.from_text((await proofs.GetCheckpoint(pb.GetCheckpointRequest())).verifier_key)
    begin = time.perf_counter()
    with file.open("w") as lines:
        async for part in proofs.ExportEntries(pb.ExportEntriesRequest(), timeout=_LONG_SECONDS):
            lines.write(MessageToJson(part, indent=None) + "\n")
    written = time.perf_counter()
    with file.open("rb") as read:
        verdict = verify_file(read, [key], lambda count, total: ground.progress(f"ledger: offline {count:,} of {total:,}"))
    if verdict.fault is not None:
        raise RuntimeError(f"the export does not verify: {verdict.fault}")
    file.unlink()
    return written - begin, time.perf_counter() - written
