"""Sessions: what every command is given, and the options every command has for it."""

import asyncio
import functools
import inspect
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from clients.cli.addresses import PORTS, address_key, find_addresses
from clients.cli.connection import Connection, credentials_from
from clients.cli.failures import ExitCode, reported
from clients.cli.output import Output
from shared.errors import BallastError, invalid_field

_PANEL = "Where the suite is"
_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
_State = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="DIR",
        help="State directory of the suite; its suite.json says where it is (default: .ballast).",
        rich_help_panel=_PANEL,
    ),
]
_Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout", metavar="SECONDS", min=0.001, help="Give up on a call after this long (default: 30).", rich_help_panel=_PANEL
    ),
]

LARGEST_REVISION = 2**63 - 1
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=0, help="At most this many; 0 for all.")]


@dataclass(frozen=True, slots=True)
class Session:
    """The services to ask, and where the answer goes."""

    connection: Connection
    output: Output


def with_session(*, interrupted: ExitCode = ExitCode.INTERRUPTED) -> Callable[[Callable[..., Awaitable[int | None]]], Callable[..., None]]:
    """Makes `async def function(session, …)` a command: adds the options of all commands, opens a session for it, and closes that.

    What the function returns is the exit code. `interrupted` is the exit code at Ctrl-C.
    """

    def wrap(function: Callable[..., Awaitable[int | None]]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(**arguments: Any) -> None:
            common = {key: arguments.pop(key) for key in list(arguments) if key in _COMMON}
            with reported():
                _check_etag(arguments.pop("context"))
                try:
                    code = asyncio.run(_held(function, common, arguments))
                except KeyboardInterrupt:
                    code = interrupted
                sys.stdout.flush()  # while a closed pipe can still be told apart
            raise typer.Exit(code or ExitCode.OK)

        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own] + [_CONTEXT, *_COMMON.values()]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return wrap


async def _held(function: Callable[..., Awaitable[int | None]], common: dict[str, Any], arguments: dict[str, Any]) -> int | None:
    given = {service: common[_key(service)] for service in PORTS}
    addresses = find_addresses(given, common["state"], os.environ)
    connection = Connection(addresses, credentials_from(os.environ), common["timeout"])
    try:
        return await function(Session(connection, Output(as_json=common["as_json"])), **arguments)
    except BallastError as error:
        raise connection.explained(error) from None
    finally:
        await connection.close()


def _check_etag(context: typer.Context) -> None:
    """Raises InvalidInput for `--etag ''`, as a script gives it whose variable is unset: it would change what nobody has seen."""
    source = context.get_parameter_source("etag")
    if context.params.get("etag") == "" and source is not None and source.name != "DEFAULT":
        rule = "is empty, and nothing would be protected; give the etag that was seen, or leave the option out"
        raise invalid_field("--etag", rule, reason="ETAG_EMPTY")


def _key(service: str) -> str:
    return f"{service}_address"


def _option(name: str, annotation: Any, default: Any = None) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _address_option(service: str) -> inspect.Parameter:
    option = typer.Option(
        f"--{service}-address", metavar="HOST:PORT", help=f"Where {service} is; or {address_key(service)}.", rich_help_panel=_PANEL
    )
    return _option(_key(service), Annotated[str | None, option])


_CONTEXT = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)  # which typer hands over
_COMMON = {
    each.name: each
    for each in (
        _option("as_json", _Json, default=False),
        _option("state", _State),
        _option("timeout", _Timeout),
        *(_address_option(service) for service in PORTS),
    )
}
