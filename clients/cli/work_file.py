"""The work file: hours worked as CSV, one record a row; or a refusal that names row, rule and remedy."""

import csv
import io
import math
import re
import uuid
from collections.abc import Iterator

from ballast.allocation.v1 import team_pb2

from clients.cli.times import read_time
from shared.errors import InvalidInput, invalid_field

LARGEST_BYTES = 16_000_000
REASON = "WORK_FILE_INVALID"
BATCH = 1000  # records of one call
COLUMNS = ("purpose", "hours", "worked_at", "member", "note")
_NEEDED = COLUMNS[:3]
_INCIDENT, _ITEM = re.compile("incidents/.+"), re.compile("roadmapItems/.+")


def records_of(text: str, team: str) -> list[team_pb2.WorkRecord]:
    """Returns a team's records, in the order of the rows. Raises InvalidInput for a file, or a cell, that cannot be read.

    What cannot be recorded, such as work on an item that is not there, the service says row by row.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        header = [each.strip() for each in reader.fieldnames or ()]
        if missing := [each for each in _NEEDED if each not in header]:
            raise _refused(f"has no column {missing[0]}; its first row names {', '.join(COLUMNS)}, the first three at least")
        if unknown := [each for each in header if each not in COLUMNS]:
            raise _refused(f"has a column {unknown[0]!r}, which is none; there are {', '.join(COLUMNS)}")
        reader.fieldnames = header
        return [_record(row, team, f"row {number}") for number, row in enumerate(reader, 2)]
    except csv.Error as error:
        raise _refused(f"is no CSV at line {reader.line_num}: {error}") from None


def put_purpose(record: team_pb2.WorkRecord, purpose: str) -> None:
    """Sets what the work was for: `incidents/{uuid}`, `roadmapItems/{id}` or a category."""
    if _INCIDENT.fullmatch(purpose):
        record.incident = purpose
    elif _ITEM.fullmatch(purpose):
        record.roadmap_item = purpose
    else:
        record.category = purpose


def batches(records: list[team_pb2.WorkRecord], text: str, team: str) -> Iterator[tuple[int, list[team_pb2.WorkRecord], str]]:
    """Yields records by calls: the place of the first, the records, and a request id that the same file gives again."""
    for place in range(0, len(records), BATCH):
        yield place, records[place : place + BATCH], str(uuid.uuid5(uuid.NAMESPACE_URL, f"ballast:work:{team}:{place}:{text}"))


def _record(row: dict[str, str | None], team: str, place: str) -> team_pb2.WorkRecord:
    if None in row or None in row.values():
        raise _refused(f"{place}: has another number of cells than the first row; quote cells that hold a comma")
    cells = {name: (value or "").strip() for name, value in row.items()}
    record = team_pb2.WorkRecord(team=team, member=cells.get("member", ""), note=cells.get("note", ""))
    try:
        record.hours = float(cells["hours"])
    except ValueError:
        raise _refused(f"{place}: hours is {cells['hours']!r}; write a number, as 2.5") from None
    if not math.isfinite(record.hours):
        raise _refused(f"{place}: hours is {cells['hours']!r}; write a number, as 2.5")
    worked_at = read_time(f"{place}: worked_at", cells["worked_at"])
    if worked_at is None:
        raise _refused(f"{place}: worked_at is empty; write it as 2026-03-02T09:00:00Z")
    record.worked_at.CopyFrom(worked_at)
    if cells["purpose"]:
        put_purpose(record, cells["purpose"])
    return record


def _refused(description: str) -> InvalidInput:
    return invalid_field("FILE", description, reason=REASON)
