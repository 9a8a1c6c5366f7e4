"""The whole suite for system tests: as a process that can be killed, and a small organisation to fill it with."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from ballast.allocation.v1 import allocation_messages_pb2, allocation_service_pb2, roadmap_item_pb2, team_pb2
from ballast.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub
from ballast.events.v1 import event_admin_service_pb2
from ballast.events.v1.event_admin_service_pb2_grpc import EventAdminServiceStub
from ballast.governance.v1 import governance_service_pb2, ledger_service_pb2
from ballast.governance.v1.governance_service_pb2_grpc import GovernanceServiceStub
from ballast.governance.v1.ledger_service_pb2_grpc import LedgerServiceStub
from ballast.intake.v1 import intake_service_pb2
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub
from ballast.playbook.v1 import playbook_service_pb2
from ballast.playbook.v1.playbook_service_pb2_grpc import PlaybookServiceStub
from ballast.triage.v1 import component_pb2, triage_service_pb2
from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceStub
from google.type.money_pb2 import Money

from shared.rpc.client import ClientCredentials, connect

ROOT = Path(__file__).parent.parent.parent
_START_SECONDS = 90


class SuiteProcess:
    """`python -m services` as a child process, with its state kept between starts."""

    def __init__(self, state_dir: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.state_dir = state_dir
        self._command = [sys.executable, "-m", "services", "--state", str(state_dir), "--free-ports", *arguments]
        self._environment = os.environ | dict(environment or {})
        self._log = state_dir.with_suffix(".log")
        self.process: subprocess.Popen[str] | None = None
        self.addresses: dict[str, str] = {}

    def start(self) -> "SuiteProcess":
        with self._log.open("a") as log:
            self.process = subprocess.Popen(self._command, cwd=ROOT, env=self._environment, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], _START_SECONDS)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.kill()
            raise RuntimeError(f"the suite did not start:\n{self._log.read_text()[-4000:]}")
        self.addresses = json.loads(line)["addresses"]
        return self

    def kill(self) -> None:
        """Ends it as a crash would: no handler runs."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self._end(10)

    def stop(self) -> int:
        """Asks it to end, and returns its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self._end(30)

    def _end(self, seconds: float) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(seconds)


class Clients:
    """Stubs of every service of a running suite."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        services = {
            "intake": intake_service_pb2.DESCRIPTOR.services_by_name["IntakeService"],
            "triage": triage_service_pb2.DESCRIPTOR.services_by_name["TriageService"],
            "allocation": allocation_service_pb2.DESCRIPTOR.services_by_name["AllocationService"],
            "playbook": playbook_service_pb2.DESCRIPTOR.services_by_name["PlaybookService"],
            "governance": governance_service_pb2.DESCRIPTOR.services_by_name["GovernanceService"],
        }
        more = {"governance": [ledger_service_pb2.DESCRIPTOR.services_by_name["LedgerService"]]}
        who = ClientCredentials(local_name="ada")
        self._channels = {
            name: connect(addresses[name], [each, *more.get(name, [])], credentials=who, deadline_seconds=20)
            for name, each in services.items()
        }
        self.intake = IntakeServiceStub(self._channels["intake"].grpc)
        self.triage = TriageServiceStub(self._channels["triage"].grpc)
        self.allocation = AllocationServiceStub(self._channels["allocation"].grpc)
        self.playbook = PlaybookServiceStub(self._channels["playbook"].grpc)
        self.governance = GovernanceServiceStub(self._channels["governance"].grpc)
        self.ledger = LedgerServiceStub(self._channels["governance"].grpc)
        self._admins = {name: EventAdminServiceStub(channel.grpc) for name, channel in self._channels.items()}

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()

    async def quiet(self, seconds: float = 60) -> None:
        """Returns when no event waits in any service; fails after the time given, or at the first dead letter."""
        deadline = time.monotonic() + seconds
        while True:
            backlogs = {name: await admin.GetBacklog(event_admin_service_pb2.GetBacklogRequest()) for name, admin in self._admins.items()}
            assert not any(each.dead_letter_count for each in backlogs.values()), f"dead letters: {backlogs}"
            if not any(each.pending_count for each in backlogs.values()):
                return
            assert time.monotonic() < deadline, f"events still wait: {backlogs}"
            await asyncio.sleep(0.05)


def dollars(units: int) -> Money:
    return Money(currency_code="USD", units=units)


async def found_organisation(clients: Clients, components: Sequence[str], start: datetime, team: str = "core") -> None:
    """Stores one team of three, critical components it owns, and more roadmap than it can do."""
    built = team_pb2.Team(
        name=f"teams/{team}",
        display_name=team,
        members=[team_pb2.Member(id=name, weekly_hours=40, focus_factor=0.75) for name in ("ada", "bo", "cy")],
    )
    built.sprint_length.FromTimedelta(timedelta(days=14))
    built.first_sprint_at.FromDatetime(start)
    await clients.allocation.UpsertTeams(allocation_messages_pb2.UpsertTeamsRequest(teams=[built]))
    items = [
        roadmap_item_pb2.RoadmapItem(
            name=f"roadmapItems/{team}-{number}",
            title=f"Item {number}",
            team=f"teams/{team}",
            effort_hours=38,
            cost_of_delay_per_week=dollars(20_000 - 1_000 * number),
        )
        for number in range(1, 13)
    ]
    await clients.allocation.UpsertRoadmapItems(allocation_messages_pb2.UpsertRoadmapItemsRequest(items=items))
    catalogue = [
        component_pb2.Component(
            name=f"components/{each}",
            display_name=each,
            owner_team=f"teams/{team}",
            tier=component_pb2.TIER_CRITICAL,
            revenue_per_minute=dollars(900),
            users=50_000,
        )
        for each in components
    ]
    await clients.triage.UpsertComponents(triage_service_pb2.UpsertComponentsRequest(components=catalogue))
