"""The run: senders at work, one fault after another, and the verdict once all they sent was acknowledged."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub

from shared.rpc.client import ClientCredentials, connect
from soak.place import Place, running_place
from soak.plan import Fault, Step
from soak.reading import read
from soak.senders import DEADLINE_SECONDS, Ledger, Responder, Sender
from soak.verdict import Check, judge

if TYPE_CHECKING:  # the async stubs exist for the type checker only
    from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceAsyncStub

_SERVICE = pb.DESCRIPTOR.services_by_name["IntakeService"]
_BACK_SECONDS = 60.0
_POLL_SECONDS = 0.02

Progress = Callable[[str], None]


@dataclass(slots=True)
class Outcome:
    """What happened, and whether every promise held."""

    ledger: Ledger
    silences: dict[Fault, list[float]] = field(default_factory=dict)  # seconds from each fault to the next receipt
    seconds: float = 0.0
    checks: Sequence[Check] = ()

    @property
    def holds(self) -> bool:
        return all(check.holds for check in self.checks)


async def endure(directory: Path, steps: Sequence[Step], *, seed: int, senders: int, progress: Progress) -> Outcome:
    """Runs the steps under load. Raises TimeoutError when no receipt comes within a minute after a fault."""
    outcome = Outcome(Ledger())
    begin = time.monotonic()
    async with running_place(directory) as place:
        channel = connect(place.address, [_SERVICE], credentials=ClientCredentials(local_name="soak"), deadline_seconds=DEADLINE_SECONDS)
        intake = IntakeServiceStub(channel.grpc)
        try:
            await _under_load(intake, place, steps, outcome, _Load(senders, seed), progress)
            progress("reading what is stored")
            stored = await read(intake, place.database_url, outcome.ledger)
        finally:
            await channel.close()
    outcome.seconds = time.monotonic() - begin
    ledger = outcome.ledger
    agreeing = Check("no receipt contradicts an earlier one, no repeated call is answered differently", ledger.contradictions)
    outcome.checks = [*judge(ledger.alerts, ledger.notes, stored), agreeing]
    return outcome


@dataclass(frozen=True, slots=True)
class _Load:
    senders: int
    seed: int


async def _under_load(
    intake: "IntakeServiceAsyncStub", place: Place, steps: Sequence[Step], outcome: Outcome, load: _Load, progress: Progress
) -> None:
    ended = asyncio.Event()
    ledger = outcome.ledger
    async with asyncio.TaskGroup() as group:
        for number in range(load.senders):
            sender = Sender(f"sender-{number}", intake, ledger, random.Random(f"{load.seed}-{number}"))
            group.create_task(sender.send_until(ended))
        group.create_task(Responder(intake, ledger, random.Random(load.seed)).respond_until(ended))
        for number, step in enumerate(steps, 1):
            so_far = f"{len(ledger.alerts):,} alerts acknowledged, {ledger.retries.total():,} retries"
            progress(f"{number} of {len(steps)}: {step.fault}; {so_far}")
            await asyncio.sleep(step.wait_seconds)
            outcome.silences.setdefault(step.fault, []).append(await _silence(place, step, ledger))
        ended.set()


async def _silence(place: Place, step: Step, ledger: Ledger) -> float:
    """Makes the fault and returns the seconds until a receipt came that was sent after all ran again."""
    begin = time.monotonic()
    await place.suffer(step)
    back, before = time.monotonic(), ledger.calls
    while ledger.calls == before:
        if time.monotonic() - back > _BACK_SECONDS:
            raise TimeoutError(f"no receipt within {_BACK_SECONDS:.0f} s after {step.fault}")
        await asyncio.sleep(_POLL_SECONDS)
    return time.monotonic() - begin
