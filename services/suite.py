"""The whole suite in one process: every service on loopback, over the same embedded engines."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from services.allocation import app as allocation
from services.allocation.settings import AllocationSettings
from services.governance import app as governance
from services.governance.settings import GovernanceSettings
from services.intake import app as intake
from services.intake.settings import IntakeSettings
from services.playbook import app as playbook
from services.playbook.settings import PlaybookSettings
from services.triage import app as triage
from services.triage.settings import TriageSettings
from shared.app import App
from shared.clock import Clock, RealClock, SimulatedClock
from shared.embedded import Engines
from shared.errors import DeadlineExceeded
from shared.rpc.server import Server
from shared.rpc.simulation import SERVICE as SIMULATION
from shared.rpc.simulation import SimulationServicer
from shared.settings import ServiceSettings
from shared.storage.provision import provision
from shared.telemetry import setup

DATABASE = "ballast"
ADDRESS_FILE = "suite.json"
_SETTLE_POLL_SECONDS = 0.002

# In the order events flow.
PARTS: dict[str, tuple[type[ServiceSettings], Callable[[Any, Clock], Awaitable[App]]]] = {
    "intake": (IntakeSettings, intake.build),
    "triage": (TriageSettings, triage.build),
    "allocation": (AllocationSettings, allocation.build),
    "playbook": (PlaybookSettings, playbook.build),
    "governance": (GovernanceSettings, governance.build),
}


class NotSettled(DeadlineExceeded):
    reason = "NOT_SETTLED"


@dataclass(frozen=True, slots=True)
class SuiteOptions:
    """How to run a suite."""

    state_dir: Path
    start: datetime | None = None  # of a simulated clock; None for the real one
    fresh: bool = False  # drop the suite's database first
    free_ports: bool = False  # let the system choose
    durable: bool = True  # wait for the disk; without it a crash of the machine may lose state


class Suite:
    """Five services, and a simulation service where the clock is simulated."""

    def __init__(self, options: SuiteOptions, engines: Engines, urls: Mapping[str, str] | None = None) -> None:
        """`urls` gives each service's database; without it the suite makes its own in the engines."""
        self._options = options
        self._engines = engines
        self._urls = urls
        self._clock: Clock = SimulatedClock(options.start) if options.start else RealClock()
        self._stack = AsyncExitStack()
        self.apps: dict[str, App] = {}
        self.addresses: dict[str, str] = {}

    async def start(self) -> None:
        """Returns when every service is ready. On failure everything already started is stopped."""
        urls = self._urls or await provision(self._engines.database_url, DATABASE, list(PARTS), fresh=self._options.fresh)
        try:
            for name, (settings, build) in PARTS.items():
                self.apps[name] = await build(self._settings(name, settings, urls[name]), self._clock)
            await asyncio.gather(*(self._start(app) for app in self.apps.values()))
            self.addresses = {name: app.server.address for name, app in self.apps.items()}
            # Subscribers first: an event is better delivered at once than retried.
            for app in reversed(self.apps.values()):
                await app.open(self.addresses)
            if isinstance(self._clock, SimulatedClock):
                await self._serve_simulation(self._clock)
        except BaseException:
            await self.stop()
            raise
        self._write_addresses()

    async def stop(self) -> None:
        """Stops every service, drained."""
        (self._options.state_dir / ADDRESS_FILE).unlink(missing_ok=True)
        await self._stack.aclose()

    async def settle(self, patience: timedelta) -> None:
        """Returns when no event waits anywhere. Raises NotSettled when patience ends, saying where events wait.

        A delivery that ends may have queued another one upstream or down, so all must be quiet at one moment: nothing else runs
        between the looks, as they do not wait.
        """
        deadline = asyncio.get_running_loop().time() + patience.total_seconds()
        while not all(app.deliverer.is_quiet for app in self.apps.values()):
            if asyncio.get_running_loop().time() > deadline:
                pending = {name: await app.deliverer.pending_count() for name, app in self.apps.items()}
                waiting = ", ".join(f"{name} {count}" for name, count in pending.items() if count)
                raise NotSettled(f"events still wait after {patience.total_seconds():.0f} s: {waiting}; see `ballast events backlog`")
            await asyncio.sleep(_SETTLE_POLL_SECONDS)

    def _settings(self, name: str, settings: type[ServiceSettings], url: str) -> ServiceSettings:
        values: dict[str, Any] = {"database_url": url, "cache_url": self._engines.cache_url, "state_dir": self._options.state_dir}
        if self._options.free_ports:
            values["port"] = 0
        prefix = f"BALLAST_{name.upper()}_"
        # What the environment sets explicitly wins, but for ports that must be free.
        explicit = {key for key in values if f"{prefix}{key.upper()}" in os.environ and key != "port"}
        return settings(**{key: value for key, value in values.items() if key not in explicit})

    async def _start(self, app: App) -> None:
        await app.start()
        self._stack.push_async_callback(app.stop)

    async def _serve_simulation(self, clock: SimulatedClock) -> None:
        settings = ServiceSettings(port=0)
        telemetry = setup("simulation", endpoint=settings.otlp_endpoint, log_format=settings.log_format)
        self._stack.push_async_callback(asyncio.to_thread, telemetry.shutdown)
        server = Server("simulation", settings, telemetry)
        server.add(SIMULATION, SimulationServicer(clock, self._tick, self.settle))
        await server.start()
        self._stack.push_async_callback(server.stop)
        await server.set_ready(ready=True)
        self.addresses["simulation"] = server.address

    async def _tick(self) -> None:
        for app in self.apps.values():
            await app.tick()

    def _write_addresses(self) -> None:
        self._options.state_dir.mkdir(parents=True, exist_ok=True)
        target = self._options.state_dir / ADDRESS_FILE
        target.write_text(json.dumps({"ready": True, "addresses": self.addresses}, sort_keys=True) + "\n")
