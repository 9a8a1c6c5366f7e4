"""Runs the whole suite in one process: `python -m services --state DIR`."""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from pydantic import ValidationError

from services.suite import Suite, SuiteOptions
from shared.embedded import EngineFailed, StateDirInUse, running
from shared.rpc.server import AddressTaken
from shared.run import done_before, end_on_sigterm, problems_of, spare_the_collector, stop_signal


def main() -> int:
    """Returns 0 after SIGTERM or SIGINT, 2 for wrong settings or a state directory in use, 1 for anything else."""
    options = _options()
    end_on_sigterm()
    try:
        with running(options.state_dir, durable=options.durable) as engines:
            return uvloop.run(_serve(Suite(options, engines)))
    except ValidationError as error:
        problems = problems_of(error)
    except (StateDirInUse, EngineFailed, AddressTaken) as error:
        problems = [str(error)]
    sys.stderr.write("".join(f"ballast: {problem}\n" for problem in problems))
    return 2


async def _serve(suite: Suite) -> int:
    told = stop_signal()
    if not await done_before(suite.start(), told):
        return 0
    spare_the_collector()
    try:
        sys.stdout.write(json.dumps({"ready": True, "addresses": suite.addresses}, sort_keys=True) + "\n")
        sys.stdout.flush()
        await told.wait()
    finally:
        await suite.stop()
    return 0


def _options() -> SuiteOptions:
    parser = argparse.ArgumentParser(prog="python -m services", description="Runs the whole suite in one process, on loopback.")
    parser.add_argument("--state", type=Path, default=Path(".ballast"), help="where engines keep their state (default: .ballast)")
    parser.add_argument("--clock", type=_time, help="start of a simulated clock, RFC 3339; without it the clock is real")
    parser.add_argument("--fresh", action="store_true", help="drop the suite's database first")
    parser.add_argument("--free-ports", action="store_true", help="let the system choose the ports")
    parser.add_argument("--no-sync", action="store_true", help="do not wait for the disk: for state that can be made anew")
    read = parser.parse_args()
    return SuiteOptions(read.state, read.clock, read.fresh, read.free_ports, durable=not read.no_sync)


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
