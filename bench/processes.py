"""The processes measured: the suite over durable embedded engines, and the bare echo; each ends with the block."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STATE = Path(".ballast/bench/state")
_STOP_SECONDS = 30


@contextmanager
def suite() -> Iterator[dict[str, str]]:
    """Runs the suite on fresh state; gives the address of each service."""
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    log = (STATE.parent / "suite.log").open("w")
    command = [sys.executable, "-m", "services", "--state", str(STATE), "--free-ports", "--fresh"]
    with log, _running(command, log) as line:
        yield json.loads(line)["addresses"]


@contextmanager
def echo() -> Iterator[str]:
    """Runs the bare echo; gives its address."""
    with _running([sys.executable, "-m", "bench.echo"], None) as line:
        yield f"127.0.0.1:{line.strip()}"


@contextmanager
def _running(command: list[str], log: object) -> Iterator[str]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)  # type: ignore[call-overload]
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(command)} did not start; see {STATE.parent}/suite.log")
        yield line
    finally:
        process.terminate()
        process.wait(_STOP_SECONDS)
