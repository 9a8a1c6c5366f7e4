"""Failures: the exit codes scripts rely on, and what a person reads on stderr instead of a traceback."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from clients.cli.output import plain
from shared import errors

TRACEBACK_KEY = "BALLAST_TRACEBACK"


class ExitCode(IntEnum):
    """How the command ends; the numbers are a promise."""

    OK = 0
    NO = 1  # the question was understood and answered: no
    REFUSED = 2  # wrong use, or input that breaks a rule
    NOT_FOUND = 3
    AWAY = 4  # the server is away, is overloaded, or did not answer in time: the same call may succeed later
    DENIED = 5
    CONFLICT = 6  # somebody else changed it, or things are not in a state in which it may happen
    INTERNAL = 70  # EX_SOFTWARE of sysexits(3)
    INTERRUPTED = 130  # 128 + SIGINT, as shells have it
    PIPE_CLOSED = 141  # 128 + SIGPIPE: whoever read the output went away


_CODES: tuple[tuple[type[errors.BallastError], ExitCode], ...] = (
    (errors.InvalidInput, ExitCode.REFUSED),
    (errors.NotFound, ExitCode.NOT_FOUND),
    (errors.AlreadyExists, ExitCode.CONFLICT),
    (errors.Conflict, ExitCode.CONFLICT),
    (errors.PreconditionFailed, ExitCode.CONFLICT),
    (errors.Unauthenticated, ExitCode.DENIED),
    (errors.PermissionDenied, ExitCode.DENIED),
    (errors.Exhausted, ExitCode.AWAY),  # Unavailable is one of them
    (errors.DeadlineExceeded, ExitCode.AWAY),
)


def exit_code_of(error: errors.BallastError) -> ExitCode:
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.INTERNAL)


def lines_of(error: errors.BallastError) -> list[str]:
    """Returns the message with its reason, and a bullet for each field at fault; free of control characters."""
    violations = error.violations if isinstance(error, errors.InvalidInput) else ()
    message = plain(error.message)
    # Servers join the violations into the message, for clients that show nothing else; here they would stand twice. Either may be cut.
    is_told = bool(violations) and violations[0].description.removesuffix("…") in error.message
    if len(violations) > 1 and is_told:
        message = f"{sum(1 for each in violations if each.field)} fields are refused"
    bullets = [f"  • {plain(f'{each.field}: {each.description}' if each.field else each.description)}" for each in violations]
    if len(bullets) == 1 and is_told:
        bullets = []
    return [f"ballast: {message} [{plain(error.reason)}]", *bullets]


@contextmanager
def reported() -> Iterator[None]:
    """Turns whatever a command raises into lines on stderr and an exit code. Lets SystemExit and the parser's own errors pass."""
    try:
        yield
    except errors.BallastError as error:
        _end(lines_of(error), exit_code_of(error))
    except KeyboardInterrupt:
        _end([], ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # What is still buffered would fail once more, loudly, when the interpreter flushes it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _end([], ExitCode.PIPE_CLOSED)
    except Exception as error:
        if type(error).__module__.startswith(("typer.", "click.")):
            raise
        if os.environ.get(TRACEBACK_KEY):
            traceback.print_exc()
        _end([f"ballast: {type(error).__name__}: {plain(str(error))} [CLIENT_INTERNAL]", *_hint()], ExitCode.INTERNAL)


def _hint() -> list[str]:
    return [f"  • this is a defect of the command; {TRACEBACK_KEY}=1 shows where"]


def _end(lines: list[str], code: ExitCode) -> None:
    for line in lines:
        sys.stderr.write(line + "\n")
    sys.exit(code)
