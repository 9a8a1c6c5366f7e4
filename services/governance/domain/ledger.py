"""The ledger: events in the order they were received, each entry bound to the one before by its hash.

The hash of an entry is SHA-256 over its canonical form, which is the concatenation of twelve parts, each preceded by
its length in bytes as four bytes, most significant first:

     1  the tag `ballast.governance.v1.LedgerEntry`     7  principal
     2  sequence                                        8  event time
     3  event id                                        9  record time
     4  source                                         10  trace id
     5  type                                           11  payload hash
     6  subject                                        12  previous hash

Text is UTF-8, numbers are decimal ASCII, times are whole microseconds since 1970-01-01T00:00:00Z in decimal ASCII,
hashes are their 32 bytes. The lengths make the form unambiguous: no two entries share one.

The chain shows that a part was altered, not that all of it was replaced: whoever may rewrite every row and the head can
write another consistent ledger. Keeping the head hash elsewhere closes that gap.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from services.governance.domain.errors import EventMalformed

GENESIS_HASH = bytes(32)
LONGEST_TEXT_BYTES = 1024

_TAG = b"ballast.governance.v1.LedgerEntry"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """What the ledger keeps of an event; (source, event_id) identifies it for good."""

    event_id: str
    source: str
    type: str
    subject: str
    principal: str
    event_time: datetime  # by the clock of its source
    trace_id: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One event at its position; hashes are 32 bytes."""

    sequence: int
    event_id: str
    source: str
    type: str
    subject: str
    principal: str
    event_time: datetime
    record_time: datetime
    trace_id: str
    payload_hash: bytes
    previous_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """How many entries there are, and the hash of the last; also any position on the way there."""

    count: int = 0
    hash: bytes = GENESIS_HASH

    def after(self, entry: LedgerEntry) -> "LedgerHead":
        return LedgerHead(self.count + 1, entry.hash)


def check_event(event: RecordedEvent) -> None:
    """Raises EventMalformed where the event cannot be recorded as it stands, however often it comes."""
    for name in ("event_id", "source", "type", "subject", "principal", "trace_id"):
        text = getattr(event, name)
        if len(text.encode()) > LONGEST_TEXT_BYTES:
            raise EventMalformed(name, f"is longer than {LONGEST_TEXT_BYTES} bytes; shorten it")
        if "\0" in text:
            raise EventMalformed(name, "contains a NUL character, which CloudEvents forbid; leave it out")


def payload_hash(payload: bytes) -> bytes:
    return hashlib.sha256(payload).digest()


def entry_hash(entry: LedgerEntry) -> bytes:
    """Returns the hash the entry should have; its own `hash` is not looked at."""
    return hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in _parts(entry))).digest()


def chained(head: LedgerHead, events: Sequence[RecordedEvent], now: datetime) -> tuple[tuple[LedgerEntry, ...], LedgerHead]:
    """Returns the entries that follow `head`, one for each event in order, and the head after them."""
    entries = []
    for event in events:
        entry = _next_entry(head, event, now)
        entries.append(entry)
        head = head.after(entry)
    return tuple(entries), head


def _next_entry(head: LedgerHead, event: RecordedEvent, now: datetime) -> LedgerEntry:
    unsealed = LedgerEntry(
        sequence=head.count + 1,
        event_id=event.event_id,
        source=event.source,
        type=event.type,
        subject=event.subject,
        principal=event.principal,
        event_time=event.event_time,
        record_time=now,
        trace_id=event.trace_id,
        payload_hash=payload_hash(event.payload),
        previous_hash=head.hash,
        hash=b"",
    )
    return replace(unsealed, hash=entry_hash(unsealed))


def _parts(entry: LedgerEntry) -> tuple[bytes, ...]:
    return (
        _TAG,
        b"%d" % entry.sequence,
        entry.event_id.encode(),
        entry.source.encode(),
        entry.type.encode(),
        entry.subject.encode(),
        entry.principal.encode(),
        _microseconds(entry.event_time),
        _microseconds(entry.record_time),
        entry.trace_id.encode(),
        entry.payload_hash,
        entry.previous_hash,
    )


def _microseconds(time: datetime) -> bytes:
    return b"%d" % ((time - _EPOCH) // _MICROSECOND)
