"""The ledger: events in the order they were received, each a leaf of a Merkle tree as RFC 6962 has them.

A leaf is a line of JSON, kept as it was hashed, so that anyone can check it with nothing but SHA-256: the hash of leaf i is that of a
zero byte and the line. The line says what happened to what, when, and within which trace. What may have to be erased one day, who did
it and the event's data, stands apart, as the entry's content: the line has only its digest, with a salt of its own, so that the content
can be erased for good without a guess at it ever being confirmed by what is left, and without a proof being broken.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from json.encoder import encode_basestring as _quoted
from typing import Any

from services.governance.domain.errors import EventMalformed
from shared.transparency.merkle import Hash, leaf_hash

FORMAT = "ballast.governance.v1.LedgerEntry"
LONGEST_TEXT_BYTES = 1024
SALT_BYTES = 16

_TEXTS = ("event_id", "source", "type", "subject", "trace_id")


class LeafMalformed(ValueError):
    """A line that is no leaf of this ledger: what is wrong with it."""


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
class Content:
    """What of an entry can be erased: who caused it, and the event's data; `salt` keeps its digest from being guessed."""

    salt: bytes
    principal: str
    payload: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 over the salt, the principal with its length in bytes before it (four bytes, big-endian), and the payload."""
        principal = self.principal.encode()
        return hashlib.sha256(b"".join((self.salt, len(principal).to_bytes(4, "big"), principal, self.payload))).digest()


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One event at its position, 1 for the first; `leaf` is the line that is hashed. `principal` is empty once it is erased."""

    sequence: int
    event_id: str
    source: str
    type: str
    subject: str
    event_time: datetime
    record_time: datetime
    trace_id: str
    content_hash: bytes
    leaf: str
    principal: str = field(default="", compare=False)

    @property
    def hash(self) -> Hash:
        return leaf_hash(self.leaf.encode())


def check_event(event: RecordedEvent) -> None:
    """Raises EventMalformed where the event cannot be recorded as it stands, however often it comes."""
    for name in (*_TEXTS, "principal"):
        text = getattr(event, name)
        if len(text.encode()) > LONGEST_TEXT_BYTES:
            raise EventMalformed(name, f"is longer than {LONGEST_TEXT_BYTES} bytes; shorten it")
        if "\0" in text:
            raise EventMalformed(name, "contains a NUL character, which CloudEvents forbid; leave it out")


def entries_after(count: int, events: Sequence[RecordedEvent], contents: Sequence[Content], now: datetime) -> tuple[LedgerEntry, ...]:
    """Returns the entries that follow the first `count`, one for each event in order."""
    return tuple(
        _entry(sequence, event, content, now)
        for sequence, (event, content) in enumerate(zip(events, contents, strict=True), start=count + 1)
    )


def _entry(sequence: int, event: RecordedEvent, content: Content, now: datetime) -> LedgerEntry:
    digest = content.digest
    told, recorded = time_text(event.event_time), time_text(now)
    # Put together by hand: with json.dumps this took a third of all that an entry costs.
    leaf = (
        f'{{"format":"{FORMAT}","sequence":{sequence},"event_id":{_quoted(event.event_id)},"source":{_quoted(event.source)},'
        f'"type":{_quoted(event.type)},"subject":{_quoted(event.subject)},"event_time":"{told}","record_time":"{recorded}",'
        f'"trace_id":{_quoted(event.trace_id)},"content_sha256":"{digest.hex()}"}}'
    )
    return LedgerEntry(
        sequence=sequence,
        event_id=event.event_id,
        source=event.source,
        type=event.type,
        subject=event.subject,
        event_time=event.event_time,
        record_time=now,
        trace_id=event.trace_id,
        content_hash=digest,
        leaf=leaf,
        principal=event.principal,
    )


def entry_from_leaf(leaf: str, principal: str = "") -> LedgerEntry:
    """Returns what a leaf says. Raises LeafMalformed."""
    line = _read(leaf)
    try:
        return LedgerEntry(
            sequence=line["sequence"],
            event_id=line["event_id"],
            source=line["source"],
            type=line["type"],
            subject=line["subject"],
            event_time=_time_from(line["event_time"]),
            record_time=_time_from(line["record_time"]),
            trace_id=line["trace_id"],
            content_hash=bytes.fromhex(line["content_sha256"]),
            leaf=leaf,
            principal=principal,
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise LeafMalformed(f"the leaf lacks or garbles {error}") from None


def _read(leaf: str) -> Mapping[str, Any]:
    try:
        line = json.loads(leaf)
    except (ValueError, RecursionError) as error:
        raise LeafMalformed(f"the leaf is no JSON: {error}") from None
    if not isinstance(line, dict) or line.get("format") != FORMAT:
        raise LeafMalformed(f"the leaf is not of the format {FORMAT}")
    return line


def time_text(time: datetime) -> str:
    """Returns the time in UTC as RFC 3339 writes it, always with six decimals."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _time_from(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time_text(time) != text:
        raise ValueError(f"{text!r}, which is no time in UTC with six decimals")
    return time
