"""Writing an export of the ledger to a file: one ExportEntriesResponse a line, in protobuf's JSON form."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ballast.governance.v1 import ledger_service_pb2 as pb
from google.protobuf.json_format import MessageToDict

if TYPE_CHECKING:  # exists for the type checker only
    from ballast.governance.v1.ledger_service_pb2_grpc import LedgerServiceAsyncStub


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: so many entries, proved against a checkpoint; every entry of the ledger or a selection."""

    entry_count: int
    header: pb.ExportHeader


async def write_export(
    ledger: "LedgerServiceAsyncStub",
    request: pb.ExportEntriesRequest,
    file: Path,
    tell: Callable[[int], object] = lambda _: None,
    *,
    within_seconds: float,
) -> Written:
    """Writes the whole export or no file at all: one that was cut off must not pass for one. Raises OSError."""
    draft, count, header = file.with_name(f".{file.name}.part"), 0, pb.ExportHeader()
    try:
        with draft.open("w", encoding="ascii") as lines:
            async for part in ledger.ExportEntries(request, timeout=within_seconds):
                lines.write(json.dumps(MessageToDict(part, preserving_proto_field_name=True)) + "\n")
                header = part.header if part.HasField("header") else header
                count += part.HasField("entry")
                tell(count)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return Written(count, header)
