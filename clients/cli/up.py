"""`ballast up`: the whole suite as a child process, its addresses in a table, its log on request."""

import asyncio
import contextlib
import json
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from clients.cli.addresses import DEFAULT_STATE, PORTS
from clients.cli.output import Output, cell, plain, table

# A log line with a long traceback is some kilobytes; beyond this a line is cut in two.
_LONGEST_LINE_BYTES = 16 * 1024 * 1024
_SHOWN_LEVELS = {"warning", "error", "critical"}
# SIGHUP comes when the terminal closes: the suite drains then as well.
_PASSED_ON = {signal.SIGINT: signal.SIGINT, signal.SIGTERM: signal.SIGTERM, signal.SIGHUP: signal.SIGTERM}


def up(
    state: Annotated[Path, typer.Option("--state", metavar="DIR", help="Where the suite keeps its state.")] = DEFAULT_STATE,
    free_ports: Annotated[bool, typer.Option("--free-ports", help="Let the system choose the ports, beside another suite.")] = False,
    logs: Annotated[bool, typer.Option("--logs", help="Pass the suite's whole log on to stderr; else only warnings and errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the addresses as one JSON line instead of a table.")] = False,
) -> None:
    """Runs the whole suite on this machine until Ctrl-C or SIGTERM, and ends with its exit code.

    0 drained, 2 wrong settings or a state directory in use, 1 otherwise.
    """
    arguments = ["--state", str(state), *(["--free-ports"] if free_ports else [])]
    code = asyncio.run(_Suite(Output(as_json=as_json), state, logs=logs).run(arguments))
    raise typer.Exit(code)


class _Suite:
    """The child process, and what is told of it."""

    def __init__(self, output: Output, state: Path, *, logs: bool) -> None:
        self._output = output
        self._state = state
        self._logs = logs

    async def run(self, arguments: Iterable[str]) -> int:
        """Returns the child's exit code; 128 plus the signal's number when a signal ended it, as shells have it."""
        self._output.note("starting the suite; the first start takes some seconds longer")
        child = await asyncio.create_subprocess_exec(
            # -P: a folder `services` where the command is run must not be taken for the suite.
            *(sys.executable, "-P", "-m", "services", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE_BYTES,
        )
        loop = asyncio.get_running_loop()
        for received, sent in _PASSED_ON.items():
            loop.add_signal_handler(received, _send, child, sent)
        assert child.stdout is not None
        assert child.stderr is not None
        await asyncio.gather(self._announce(child.stdout), self._relay(child.stderr))
        code = await child.wait()
        return code if code >= 0 else 128 - code

    async def _announce(self, stream: asyncio.StreamReader) -> None:
        async for line in _lines(stream):
            ready = _json(line)
            if ready.get("ready"):
                self._say(lambda ready=ready: self._ready(ready))

    async def _relay(self, stream: asyncio.StreamReader) -> None:
        async for line in _lines(stream):
            text = line if self._logs else summary_of(line)
            if text:
                self._say(lambda text=text: print(text, file=sys.stderr, flush=True))  # noqa: T201 - as it came, no wrapping

    def _ready(self, ready: Mapping[str, Any]) -> None:
        if self._output.as_json:
            self._output.line(json.dumps(ready, sort_keys=True))
        else:
            self._output.answer(None, lambda: draw_ready(ready["addresses"], self._state))
        sys.stdout.flush()

    def _say(self, write: Any) -> None:
        # Nobody reads any more: the suite goes on, and its pipes must still be emptied or it would stand still.
        with contextlib.suppress(OSError):
            write()


def draw_ready(addresses: Mapping[str, str], state: Path) -> Iterable[RenderableType]:
    where = "" if state == DEFAULT_STATE else f" --state {shlex.quote(str(state))}"
    alert = '{"labels": {"component": "checkout"}, "annotations": {"summary": "Checkout answers slowly"}}'
    rows = sorted(addresses.items(), key=_place)
    yield table("Ballast is up", ("service", "address"), rows)
    yield cell("Try it, in another terminal:")
    yield cell(f"  echo '{alert}' | ballast alerts send{where} -")
    yield cell(f"  ballast incidents list{where}")
    yield cell(f"  ballast incidents watch{where}")
    yield cell("Ctrl-C stops it; its state stays in " + str(state) + ".")


def _place(entry: tuple[str, str]) -> int:
    """Services in the order events flow, others after them."""
    service, known = entry[0], list(PORTS)
    return known.index(service) if service in known else len(known)


def summary_of(line: str) -> str:
    """Returns what a person should see of a log line: all of one that is no JSON, the gist of a warning or an error, else nothing."""
    entry = _json(line)
    if not entry:
        return plain(line)
    level = str(entry.get("level", ""))
    if level not in _SHOWN_LEVELS:
        return ""
    rest = ", ".join(f"{key}={value}" for key, value in sorted(entry.items()) if key in {"error", "error_id", "service", "exception"})
    return plain(f"{level}: {entry.get('event', '')}" + (f" ({rest})" if rest else ""))


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    while True:
        try:
            line = await stream.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            line = error.partial
        except asyncio.LimitOverrunError as error:
            line = await stream.read(error.consumed or _LONGEST_LINE_BYTES)
        if not line:
            return
        yield line.decode("utf-8", "backslashreplace").rstrip("\n")


def _json(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _send(child: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(number)
