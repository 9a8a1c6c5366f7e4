"""Receipts: what became of each report of a call, and how that is kept for a call that is repeated."""

import struct
from dataclasses import dataclass
from uuid import UUID

from services.intake.domain.alert import ReportOutcome
from shared.ids import uuid_from_bytes

_OUTCOMES = {each.value: each for each in ReportOutcome}
_NONE = bytes(16)
_count = struct.Struct("<I")


@dataclass(slots=True)
class Receipts:
    """Proof that reports are durable, and what they did; one value for each report, in the order of the columns."""

    alert_ids: list[UUID | None]
    incident_ids: list[UUID | None]
    outcomes: list[ReportOutcome]

    def part(self, begin: int, end: int) -> "Receipts":
        return Receipts(self.alert_ids[begin:end], self.incident_ids[begin:end], self.outcomes[begin:end])


def blank_receipts(count: int) -> Receipts:
    return Receipts([None] * count, [None] * count, [ReportOutcome.STALE] * count)


def packed(receipts: Receipts) -> bytes:
    """Returns receipts as they are kept: 21 bytes each, a fifth of what they take in an answer, and each incident once.

    Numbers are little-endian: the count n; n outcomes of one byte; n alerts of 16; n places in the table of incidents of four bytes;
    then that table, 16 bytes each. Zeros stand for no alert and no incident.
    """
    count = len(receipts.outcomes)
    places: dict[UUID | None, int] = {}
    where = [places.setdefault(each, len(places)) for each in receipts.incident_ids]
    return b"".join(
        (
            _count.pack(count),
            bytes(receipts.outcomes),
            *[_NONE if each is None else each.bytes for each in receipts.alert_ids],
            struct.pack(f"<{count}I", *where),
            *[_NONE if each is None else each.bytes for each in places],
        )
    )


def unpacked(kept: bytes) -> Receipts:
    """Returns what `packed` was given."""
    (count,) = _count.unpack_from(kept)
    alerts = _count.size + count
    where = alerts + 16 * count
    table = _ids(kept[where + 4 * count :])
    return Receipts(
        _ids(kept[alerts:where]),
        [table[place] for place in struct.unpack_from(f"<{count}I", kept, where)],
        [_OUTCOMES[each] for each in kept[_count.size : alerts]],
    )


def _ids(kept: bytes) -> list[UUID | None]:
    ids = [kept[at : at + 16] for at in range(0, len(kept), 16)]
    return [None if each == _NONE else uuid_from_bytes(each) for each in ids]
