"""Senders who believe only receipts: a call is made again with the same request_id until they come, and what they say is kept."""

import asyncio
import random
import time
import uuid
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from ballast.intake.v1 import alert_pb2
from ballast.intake.v1 import intake_service_pb2 as pb

from shared.errors import BallastError, Conflict, Exhausted, InvalidInput, NotFound, PermissionDenied, PreconditionFailed

if TYPE_CHECKING:  # the async stubs exist for the type checker only
    from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceAsyncStub

GROUPS = 40
LARGEST_BATCH = 40
DEADLINE_SECONDS = 5.0
# A caller's own fault: coming again would not help, and here it would be a defect.
_FINAL = (InvalidInput, NotFound, Conflict, PreconditionFailed, PermissionDenied)

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Sent:
    """An alert as its sender knows it from receipts."""

    report: alert_pb2.AlertReport
    alert: str = ""
    incident: str = ""
    reports: int = 0
    is_resolved: bool = False


@dataclass(slots=True)
class Ledger:
    """What was acknowledged, by fingerprint, and what it took."""

    alerts: dict[str, Sent] = field(default_factory=dict)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=200))  # incidents that alerts opened in lately
    notes: dict[str, list[str]] = field(default_factory=dict)  # acknowledged lines by incident
    calls: int = 0
    retries: Counter[str] = field(default_factory=Counter)  # by reason
    contradictions: list[str] = field(default_factory=list)  # receipts that do not fit what was acknowledged before
    last_receipt: float = field(default_factory=time.monotonic)

    async def call(self, make: Callable[[], Awaitable[Answer]]) -> Answer:
        """Makes the call until it succeeds."""
        while True:
            try:
                answer = await make()
            except _FINAL:
                raise
            except BallastError as error:
                self.retries[error.reason if error.reason != "UNSPECIFIED" else error.message[:60]] += 1
                wait = error.retry_after if isinstance(error, Exhausted) else timedelta(seconds=0.2)
                await asyncio.sleep(min(wait.total_seconds(), 0.2))
            else:
                self.calls += 1
                self.last_receipt = time.monotonic()
                return answer


class Sender:
    """Sends new alerts, tells of open ones again and resolves some, over groups it shares with the other senders."""

    def __init__(self, name: str, intake: "IntakeServiceAsyncStub", ledger: Ledger, chosen: random.Random) -> None:
        self._name = name
        self._intake = intake
        self._ledger = ledger
        self._chosen = chosen
        self._count = 0
        self._firing: list[Sent] = []

    async def send_until(self, ended: asyncio.Event) -> None:
        """Sends one call after another; the last one, too, until it is acknowledged."""
        while not ended.is_set():
            await self._send()

    async def _send(self) -> None:
        told = [self._new() for _ in range(self._chosen.randint(1, LARGEST_BATCH))]
        told += self._chosen.sample(self._firing, min(len(self._firing), self._chosen.randint(0, LARGEST_BATCH // 2)))
        ending = [sent for sent in told if sent.alert and self._chosen.random() < 0.5]
        for sent in ending:
            sent.report.ends_at.FromDatetime(datetime.now(UTC))
        request = pb.ReportAlertsRequest(request_id=str(uuid.uuid4()), source=self._name, reports=[sent.report for sent in told])
        answer = await self._ledger.call(lambda: self._intake.ReportAlerts(request))
        for sent, receipt in zip(told, answer.receipts, strict=True):
            self._acknowledged(sent, receipt)
        self._firing = [sent for sent in self._firing if not sent.is_resolved] + [sent for sent in told if sent.reports == 1]
        if self._chosen.random() < 0.1 and await self._ledger.call(lambda: self._intake.ReportAlerts(request)) != answer:
            self._ledger.contradictions.append(f"{request.request_id}, repeated, was answered differently")

    def _new(self) -> Sent:
        self._count += 1
        labels = {"component": f"group-{self._chosen.randrange(GROUPS)}", "alertname": "Soak", "instance": f"{self._name}-{self._count}"}
        report = alert_pb2.AlertReport(labels=labels, annotations={"summary": "it broke"})
        report.starts_at.FromDatetime(datetime.now(UTC))
        return Sent(report)

    def _acknowledged(self, sent: Sent, receipt: alert_pb2.AlertReceipt) -> None:
        ends = sent.report.HasField("ends_at")
        wanted = alert_pb2.REPORT_OUTCOME_RESOLVED if ends else alert_pb2.REPORT_OUTCOME_REPEATED
        wanted = wanted if sent.alert else alert_pb2.REPORT_OUTCOME_OPENED
        if receipt.outcome != wanted or (sent.alert and sent.alert != receipt.alert):
            said = alert_pb2.ReportOutcome.Name(receipt.outcome)
            self._ledger.contradictions.append(
                f"{sent.report.labels['instance']}: {said} instead of {alert_pb2.ReportOutcome.Name(wanted)}"
            )
        sent.alert, sent.incident = receipt.alert, receipt.incident
        sent.reports += 1
        sent.is_resolved = ends
        self._ledger.alerts[receipt.fingerprint] = sent
        self._ledger.recent.append(receipt.incident)


class Responder:
    """Takes incidents that opened and writes on their time-lines."""

    def __init__(self, intake: "IntakeServiceAsyncStub", ledger: Ledger, chosen: random.Random) -> None:
        self._intake = intake
        self._ledger = ledger
        self._chosen = chosen

    async def respond_until(self, ended: asyncio.Event) -> None:
        while not ended.is_set():
            await asyncio.sleep(0.05)
            if self._ledger.recent:
                await self._note(self._chosen.choice(self._ledger.recent))

    async def _note(self, incident: str) -> None:
        text = str(uuid.uuid4())
        request = pb.AddTimelineEntryRequest(incident=incident, text=text, request_id=str(uuid.uuid4()))
        await self._ledger.call(lambda: self._intake.AddTimelineEntry(request))
        self._ledger.notes.setdefault(incident, []).append(text)
