"""The suite as a process of its own, with a simulated clock, for as long as the demo needs it."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from clients.cli.demo.errors import SuiteFailed
from clients.cli.demo.requests import GROUP_LABEL

_START_SECONDS = 90.0
_STOP_SECONDS = 30.0
# Settings the demo leaves to its caller. Others would let it meet, or even write into, somebody's real database.
_KEPT = ("_OTLP_ENDPOINT", "_LOG_FORMAT")


@asynccontextmanager
async def running_suite(state: Path, start: datetime, log: Path) -> AsyncIterator[Mapping[str, str]]:
    """Runs a fresh suite on free ports with its clock at `start`; yields its addresses by service, and always stops it.

    The folders must exist. Raises SuiteFailed, naming the log, when it does not get ready.
    """
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-P",
                "-m",
                "services",
                "--state",
                str(state),
                "--clock",
                start.isoformat(),
                "--fresh",
                "--free-ports",
                "--no-sync",
            ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            env=suite_environment(os.environ),
        )
        try:
            yield await _ready(process, log)
        finally:
            await _stop(process)


def suite_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment for the suite: ours, without settings for other suites, and with outages as groups of alerts."""
    kept = {key: value for key, value in environment.items() if not key.startswith("BALLAST_") or key.endswith(_KEPT)}
    return kept | {"BALLAST_INTAKE_GROUP_BY": json.dumps([GROUP_LABEL])}


async def _ready(process: asyncio.subprocess.Process, log: Path) -> Mapping[str, str]:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_START_SECONDS):
            async for line in process.stdout:
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    return {str(name): str(address) for name, address in json.loads(line)["addresses"].items()}
            code = await process.wait()
    except TimeoutError:
        raise SuiteFailed(f"the suite was not ready after {_START_SECONDS:.0f} s; its log is {log}") from None
    raise SuiteFailed(f"the suite ended with exit code {code} before it was ready: {_last_line(log)}; its log is {log}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Asks it to drain and end, and insists when it does not."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
