"""The ledger: how fast it grows beside an audit log, and how long proofs and verification take when it is long."""

import itertools
import random
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from ballast.governance.v1 import governance_service_pb2
from ballast.governance.v1 import ledger_service_pb2 as pb
from ballast.governance.v1.governance_service_pb2_grpc import GovernanceServiceStub
from ballast.governance.v1.ledger_service_pb2_grpc import LedgerServiceStub
from google.protobuf.json_format import MessageToJson
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub

from bench.appends import CALLERS, NOTES, Appender, appended, assessment_made, data_of, measured, rows_of
from bench.calls import DELIVER, grpc_callers
from bench.databases import vacuum
from bench.figures import milliseconds, tail
from bench.governance import running_governance
from bench.ground import Ground
from bench.report import Section
from clients.cli.ledger_file import verify_file
from shared.rpc.client import connect
from shared.transparency.merkle import root_from_inclusion
from shared.transparency.note import Verifier

if TYPE_CHECKING:  # the async stubs exist for the type checker only
    from ballast.governance.v1.ledger_service_pb2_grpc import LedgerServiceAsyncStub

_LONG_SECONDS = 600
_PART = 20_000  # entries between two looks at how far it is
_NOTES = [*NOTES, "Every proof and both verifications are checked: one that does not hold ends the run."]


async def ledger(ground: Ground) -> Section:
    """Appends in turns with the peers; then fills the ledger, and asks for proofs, verifies it, exports it and verifies that."""
    async with AsyncExitStack() as stack:
        governance = await stack.enter_async_context(running_governance(ground.engines, "ledger", ground.directory))
        channel = connect(governance.said)
        stack.push_async_callback(channel.close)
        proofs, numbers = LedgerServiceStub(channel.grpc), itertools.count()
        appenders = await measured(ground, (governance.said, governance.pid), numbers)
        count = await _filled(ground, governance.said, proofs, numbers)
        await vacuum(ground.engines, "ledger")
        proved, bare = map(tail, await _proved(ground, proofs, HealthStub(channel.grpc), count))
        verified = await _verified(ground, GovernanceServiceStub(channel.grpc))
        exported, offline = await _exported(ground, proofs)
    rows = [
        *rows_of(appenders),
        (f"inclusion proof among {count:,}", f"{milliseconds(proved.p50)}", f"p99 {milliseconds(proved.p99)}", ""),
        ("  health checks between them, which ask for nothing", f"{milliseconds(bare.p50)}", f"p99 {milliseconds(bare.p99)}", ""),
        (f"verified by the service, {count:,} entries", f"{verified:.1f} s", f"{count / verified:,.0f} a second", ""),
        (f"exported, {count:,} entries", f"{exported:.1f} s", "", ""),
        (f"that export verified offline, {count:,} entries", f"{offline:.1f} s", f"{count / offline:,.0f} a second", ""),
    ]
    data: dict[str, Any] = {
        "appended": data_of(appenders),
        "proof_seconds": {"latency": proved, "health_check": bare},
        "verification_seconds": {"service": verified, "export": exported, "offline": offline, "entries": count},
    }
    columns = ("", "", "CPU each", "the ledger to it, ×")
    return Section(f"Ledger; median of {ground.sizes.rounds} rounds (least–most)", columns, rows, data, _NOTES)


async def _filled(ground: Ground, address: str, proofs: "LedgerServiceAsyncStub", numbers: Iterator[int]) -> int:
    """Appends until the ledger is as long as it is to be; returns how long it is."""
    wanted = ground.sizes.ledger_entries
    async with grpc_callers([address], CALLERS, method=DELIVER) as callers:
        filling = Appender("ledger", callers, assessment_made, [])
        while (count := (await proofs.GetCheckpoint(pb.GetCheckpointRequest())).size) < wanted:
            ground.progress(f"ledger: {count:,} of {wanted:,} entries")
            await appended(filling, [assessment_made(next(numbers)) for _ in range(min(_PART, wanted - count))])
    return count


async def _proved(ground: Ground, proofs: "LedgerServiceAsyncStub", health: Any, count: int) -> tuple[list[float], list[float]]:
    """Returns how long each proof took, and each call for nothing after it: what the machine itself made of that moment."""
    chosen = random.Random(7)
    checkpoint = await proofs.GetCheckpoint(pb.GetCheckpointRequest())
    seconds: list[float] = []
    bare: list[float] = []
    for number in range(ground.sizes.proofs):
        ground.progress(f"ledger: proof {number + 1} of {ground.sizes.proofs}")
        request = pb.GetInclusionProofRequest(sequence=chosen.randint(1, count), tree_size=count)
        begin = time.perf_counter()
        answer = await proofs.GetInclusionProof(request)
        end = time.perf_counter()
        await health.Check(HealthCheckRequest())
        seconds.append(end - begin)
        bare.append(time.perf_counter() - end)
        if root_from_inclusion(answer.leaf_index, count, answer.leaf_hash, list(answer.path)) != checkpoint.root_hash:
            raise RuntimeError(f"the proof of entry {request.sequence} does not hold")
    return seconds, bare


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
