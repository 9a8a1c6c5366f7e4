"""Documents given as a file or on stdin: read whole, of bounded size, as UTF-8."""

import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import RenderableType

from clients.cli.output import cell
from clients.cli.session import Session
from shared.errors import InvalidInput, PreconditionFailed, invalid_field


def read_document(file: str, session: Session, largest_bytes: int, reason: str = "RULES_FILE_INVALID") -> str:
    """Raises InvalidInput for what cannot be read, is no UTF-8, or is larger than any document may be. Blocks."""
    if file == "-" and sys.stdin.isatty():
        session.output.note("reading from the terminal; end with Ctrl-D")
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        description = f"{file} cannot be read ({error.strerror}); give the path of a file, or - for stdin"
        raise invalid_field("FILE", description, reason="FILE_UNREADABLE") from None
    if len(data) > largest_bytes:
        raise _refused(file, reason, f"holds {len(data):,} bytes; such a document has at most {largest_bytes:,}")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise _refused(file, reason, f"is no UTF-8 at byte {error.start}; save it as UTF-8") from None


def draw_change(drawn: Iterable[RenderableType], before: int, made: int, *, validate_only: bool) -> Iterable[RenderableType]:
    """Draws what was set, and says where that made no revision: `before` is the one in force, `made` the one answered with."""
    yield from drawn
    if validate_only:
        yield cell(f"only validated: nothing was changed, revision {before} is in force", "yellow")
    elif made == before:
        yield cell(f"the same as revision {before}, which is in force: no revision was made, and the reason given was not kept", "yellow")


@contextmanager
def proposed_instead(command: str, what: object, reason: str) -> Iterator[None]:
    """Within it, a change refused because others must agree to it ends with the command that proposes the same.

    `command` of `ballast amendments` is given the document, `what` (its file, or a revision) and the reason.
    """
    try:
        yield
    except PreconditionFailed as error:
        if error.reason != "APPROVAL_REQUIRED":
            raise
        document = error.metadata["document"]
        proposing = shlex.join(["ballast", "amendments", command, document, str(what), "--reason", reason])
        message = f"{document} is changed only with approval; propose it: {proposing}"
        raise PreconditionFailed(message, reason=error.reason, metadata=error.metadata) from None


def check_writable(option: str, path: Path) -> None:
    """Raises InvalidInput for a file that cannot be written, before anything is asked or drawn for it."""
    folder = path.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK) or path.is_dir():
        raise invalid_field(option, f"{path} cannot be written; give a file in a folder that is there", reason="FILE_UNWRITABLE")


def _refused(file: str, reason: str, description: str) -> InvalidInput:
    return invalid_field("FILE", f"{file} {description}", reason=reason)
