"""Running one service as a process: until SIGTERM or SIGINT, then drained."""

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from typing import TypeVar

import uvloop
from pydantic import ValidationError

from shared.app import App
from shared.embedded import EngineFailed, StateDirInUse, running
from shared.rpc.server import AddressTaken
from shared.settings import ServiceSettings
from shared.storage.provision import provision

Settings = TypeVar("Settings", bound=ServiceSettings)


def run(name: str, settings: Callable[[], Settings], build: Callable[[Settings], Awaitable[App]]) -> int:
    """Runs the service and returns its exit code: 0 drained, 2 its settings are wrong or what they name is taken, 1 anything else."""
    try:
        read = settings()
    except ValidationError as error:
        sys.stderr.writelines(f"{name}: {problem}\n" for problem in problems_of(error))
        return 2
    end_on_sigterm()
    try:
        with ExitStack() as stack:
            return uvloop.run(_serve(name, read, build, stack))
    except (StateDirInUse, EngineFailed, AddressTaken) as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 2


def problems_of(error: ValidationError) -> list[str]:
    """Returns a line for each setting that is wrong: which, and the rule it breaks with its remedy."""
    # A rule about several settings has no place of its own: its message begins with their names.
    return [f"setting {''.join(f'{part}: ' for part in each['loc'])}{each['msg'].removeprefix('Value error, ')}" for each in error.errors()]


async def _serve(name: str, settings: Settings, build: Callable[[Settings], Awaitable[App]], stack: ExitStack) -> int:
    told = stop_signal()
    if not settings.database_url or not settings.cache_url:
        engines = stack.enter_context(running(settings.state_dir))
        database = settings.database_url or (await provision(engines.database_url, "ballast", [name]))[name]
        settings = settings.model_copy(update={"database_url": database, "cache_url": settings.cache_url or engines.cache_url})
    app = await build(settings)
    if not await done_before(app.start(), told):
        return 0
    try:
        await app.open()
        spare_the_collector()
        sys.stdout.write(f"{name} serves on {app.server.address}\n")
        sys.stdout.flush()
        await told.wait()
    finally:
        await app.stop()
    return 0


def spare_the_collector() -> None:
    """Keeps the garbage collector from walking what start-up made, which stays for good: measured 7 % of the suite's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def end_on_sigterm() -> None:
    """Makes SIGTERM end the process as an exit does, so that what was opened is closed, until `stop_signal` listens for it.

    Without it a signal during start-up would kill the process at once, and leave its engines running.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def stop_signal() -> asyncio.Event:
    """Returns what is set at SIGTERM or SIGINT, from now on."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, event.set)
    return event


async def done_before(work: Awaitable[object], told: asyncio.Event) -> bool:
    """Does the work, and says whether it was done before `told` was set; otherwise it was cancelled. Raises what the work raises."""
    task, waiter = asyncio.ensure_future(work), asyncio.create_task(told.wait())
    await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    if not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return False
    await task
    return True
