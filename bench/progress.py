"""Progress: a line that changes on a terminal; elsewhere, as in a log, a new line now and then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

EVERY_SECONDS = 15.0
WIDTH_OF_LOGS = 156


def console() -> Console:
    """Returns a console wide enough for the tables where no terminal says how wide it is."""
    found = Console()
    return found if found.is_terminal else Console(width=WIDTH_OF_LOGS)


@contextmanager
def progress(shown: Console, clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[[str], None]]:
    """Gives what shows a line in place of the last one."""
    if shown.is_terminal:
        with shown.status("starting") as status:
            yield status.update
        return
    last = clock()

    def line(text: str) -> None:
        nonlocal last
        if clock() - last >= EVERY_SECONDS:
            last = clock()
            shown.print(text, style="dim")

    yield line
