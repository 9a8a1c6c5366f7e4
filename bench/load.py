"""Load: reports sent in batches or singly by several callers at once, and the rate at which receipts came back."""

import asyncio
import itertools
import time
import uuid
from dataclasses import dataclass

from ballast.intake.v1 import alert_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub

from shared.rpc.client import connect

GROUPS = 50
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Load:
    """How to send: so many reports in all, so many in a batch, by so many callers."""

    alerts: int
    batch: int
    callers: int


def reports(count: int) -> list[alert_pb2.AlertReport]:
    """Returns distinct reports with five labels and two annotations, as monitoring sends them."""
    return [
        alert_pb2.AlertReport(
            labels={
                "alertname": "HighErrorRate",
                "component": f"component-{number % GROUPS}",
                "instance": f"10.0.{number // 250}.{number % 250}:9100",
                "job": "node",
                "number": str(number),
            },
            annotations={"summary": "error rate above 5 % for 10 minutes", "runbook": "https://runbooks.example/high-error-rate"},
        )
        for number in itertools.islice(_numbers, count)
    ]


async def rate(address: str, load: Load) -> float:
    """Returns alerts per second, from the first send to the last receipt; the requests are made before."""
    requests = [
        pb.ReportAlertsRequest(request_id=str(uuid.uuid4()), source="bench", reports=reports(load.batch))
        for _ in range(load.alerts // load.batch)
    ]
    channels = [connect(address, deadline_seconds=60) for _ in range(min(load.callers, 4))]
    stubs = [IntakeServiceStub(channel.grpc) for channel in channels]
    waiting = iter(requests)

    async def caller(number: int) -> int:
        sent = 0
        for request in waiting:
            sent += len((await stubs[number % len(stubs)].ReportAlerts(request)).receipts)
        return sent

    begin = time.perf_counter()
    receipts = sum(await asyncio.gather(*(caller(number) for number in range(load.callers))))
    seconds = time.perf_counter() - begin
    for channel in channels:
        await channel.close()
    if receipts != load.alerts:
        raise RuntimeError(f"{receipts} receipts for {load.alerts} alerts")
    return receipts / seconds
