"""Writing an export of the ledger, whole or not at all: one ExportEntriesResponse a line, in protobuf's JSON form."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ballast.governance.v1 import ledger_service_pb2 as pb
from google.protobuf.json_format import MessageToDict

if TYPE_CHECKING:  # exists for the type checker only
    from ballast.governance.v1.ledger_service_pb2_grpc import LedgerServiceAsyncStub


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: so many entries, proved against a checkpoint; every entry of the ledger or a selection."""

    entry_count: int
    header: pb.ExportHeader


@dataclass(frozen=True, slots=True)
class Source:
    """What is exported, by whom, and how long that may take."""

    ledger: "LedgerServiceAsyncStub"
    request: pb.ExportEntriesRequest
    within_seconds: float


async def write_export(source: Source, file: Path, tell: Callable[[int], object] = lambda _: None, *, replace: bool = False) -> Written:
    """Writes the whole export, on the disk by then, or no file at all: one that was cut off must not pass for one.

    What is there already stays as it is unless it may be replaced, whenever it came. Raises OSError, and of these FileExistsError.
    """
    if not replace:
        _check_new(file)
    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with draft.open("x", encoding="ascii") as lines:
            written = await write_lines(source, lines, tell)
            lines.flush()
            os.fsync(lines.fileno())
        if replace:
            draft.replace(file)
        else:
            _placed(draft, file)
        _sync(file.parent)
    finally:
        draft.unlink(missing_ok=True)
    return written


async def write_lines(source: Source, lines: TextIO, tell: Callable[[int], object] = lambda _: None) -> Written:
    """Writes line by line, as it comes: what is cut off lacks the last part, and verifying it says so."""
    count, header = 0, pb.ExportHeader()
    async for part in source.ledger.ExportEntries(source.request, timeout=source.within_seconds):
        lines.write(json.dumps(MessageToDict(part, preserving_proto_field_name=True)) + "\n")
        header = part.header if part.HasField("header") else header
        count += part.HasField("entry")
        tell(count)
    return Written(count, header)


def _check_new(file: Path) -> None:
    if os.path.lexists(file):
        raise FileExistsError(file)


def _placed(draft: Path, file: Path) -> None:
    """Gives the draft its name where nothing has it. Raises FileExistsError."""
    try:
        os.link(draft, file)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        _check_new(file)
        draft.rename(file)


def _sync(folder: Path) -> None:
    """Has the name on the disk too: what is sealed next may have its only copy there."""
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:  # where folders cannot be opened
        return
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
