"""The ledger: events in the order they were received, each a leaf of a Merkle tree as RFC 6962 has them.

A leaf is a line of JSON, kept as it was hashed, so that anyone can check it with nothing but SHA-256: the hash of leaf i is that of a
zero byte and the line. The line says what happened to what, when, by which call and within which trace. What may have to be erased one
day, who did it, the reason given and the event's data, stands apart, as the entry's content: the line has only its digest, with a salt
of its own, so that the content can be erased for good without a guess at it ever being confirmed by what is left, and without a proof
being broken.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from json.encoder import encode_basestring as _quoted
from typing import Any, NamedTuple

from services.governance.domain.errors import EventMalformed
from shared.transparency.merkle import Hash, leaf_hash

FORMAT = "ballast.governance.v1.LedgerEntry"
LONGEST_TEXT_BYTES = 1024
SALT_BYTES = 16

_TEXTS = ("event_id", "source", "type", "subject", "trace_id", "method")
LONGEST_REASON_BYTES = 8192


class LeafMalformed(ValueError):
    """A line that is no leaf of this ledger: what is wrong with it."""


# Named tuples: one of each is made for every entry, and a frozen dataclass takes four times as long to make.
class RecordedEvent(NamedTuple):
    """What the ledger keeps of an event; (source, event_id) identifies it for good."""

    event_id: str
    source: str
    type: str
    subject: str
    principal: str
    event_time: datetime  # by the clock of its source
    trace_id: str
    payload: bytes
    method: str = ""  # the RPC that caused it
    reason: str = ""  # given by whoever called


class Content(NamedTuple):
    """What of an entry can be erased: who caused it and why, and the event's data; `salt` keeps its digest from being guessed."""

    salt: bytes
    principal: str
    payload: bytes
    reason: str = ""

    @property
    def digest(self) -> bytes:
        """SHA-256 over the salt, principal and reason each with its length in bytes before it (four bytes, big-endian), and the payload."""
        principal, reason = self.principal.encode(), self.reason.encode()
        lengths = len(principal).to_bytes(4, "big"), len(reason).to_bytes(4, "big")
        return hashlib.sha256(b"".join((self.salt, lengths[0], principal, lengths[1], reason, self.payload))).digest()


class LedgerEntry(NamedTuple):
    """One event at its position, 1 for the first; `leaf` is the line that is hashed.

    `previous` is the position of the entry before it about the same subject, 0 for the first and for none: the content's digest there
    and here say what changed. Principal and reason are empty once they are erased.
    """

    sequence: int
    event_id: str
    source: str
    type: str
    subject: str
    event_time: datetime
    record_time: datetime
    trace_id: str
    method: str
    previous: int
    content_hash: bytes
    leaf: str
    principal: str = ""
    reason: str = ""

    @property
    def hash(self) -> Hash:
        return leaf_hash(self.leaf.encode())


def check_event(event: RecordedEvent) -> None:
    """Raises EventMalformed where the event cannot be recorded as it stands, however often it comes."""
    texts = "".join((*event[:5], event.trace_id, event.method, event.reason))
    if len(texts) <= LONGEST_TEXT_BYTES and texts.isascii() and "\0" not in texts:
        return  # as nearly all are: all of them together are as short as each may be
    for name in (*_TEXTS, "principal", "reason"):
        text, longest = getattr(event, name), LONGEST_REASON_BYTES if name == "reason" else LONGEST_TEXT_BYTES
        if len(text.encode()) > longest:
            raise EventMalformed(name, f"is longer than {longest} bytes; shorten it")
        if "\0" in text:
            raise EventMalformed(name, "contains a NUL character, which CloudEvents forbid; leave it out")


@dataclass(frozen=True, slots=True)
class End:
    """Where a ledger ends: how many entries it has, and the last position of each subject that matters now."""

    count: int
    last_of: Mapping[str, int] = field(default_factory=dict)


class Draft(NamedTuple):
    """An entry but for its place: the leaf's line in pieces, between which go position, time of recording and the position before."""

    event: RecordedEvent
    digest: bytes
    pieces: tuple[str, str, str, str]


def draft_of(event: RecordedEvent, content: Content) -> Draft:
    """Returns all that can be made of an entry before its place is known, which is most of the work."""
    event_id, source, type_, subject, _, event_time, trace_id, _, method, _ = event
    digest = content.digest
    # Put together by hand: with json.dumps this took a third of all that an entry costs.
    what = (
        f',"event_id":{_quoted(event_id)},"source":{_quoted(source)},"type":{_quoted(type_)},"subject":{_quoted(subject)}'
        f',"event_time":"{time_text(event_time)}","record_time":"'
    )
    how = f'","trace_id":{_quoted(trace_id)},"method":{_quoted(method)},"previous":'
    return Draft(event, digest, (f'{{"format":"{FORMAT}","sequence":', what, how, f',"content_sha256":"{digest.hex()}"}}'))


def entries_after(end: End, drafts: Iterable[Draft], now: datetime) -> tuple[LedgerEntry, ...]:
    """Returns the entries that follow, one for each draft in order."""
    last_of, entries, recorded = dict(end.last_of), [], time_text(now)
    for sequence, (event, digest, pieces) in enumerate(drafts, start=end.count + 1):
        event_id, source, type_, subject, principal, event_time, trace_id, _, method, reason = event
        previous = last_of.get(subject, 0)
        leaf = f"{pieces[0]}{sequence}{pieces[1]}{recorded}{pieces[2]}{previous}{pieces[3]}"
        found = (sequence, event_id, source, type_, subject, event_time, now, trace_id, method, previous, digest, leaf, principal, reason)
        entries.append(LedgerEntry(*found))
        if subject:
            last_of[subject] = sequence
    return tuple(entries)


def entry_from_leaf(leaf: str, principal: str = "", reason: str = "") -> LedgerEntry:
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
            method=line["method"],
            previous=line["previous"],
            content_hash=bytes.fromhex(line["content_sha256"]),
            leaf=leaf,
            principal=principal,
            reason=reason,
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
    in_utc = time if time.tzinfo is UTC else time.astimezone(UTC)
    return f"{in_utc.isoformat(timespec='microseconds')[:-6]}Z"  # without its +00:00


def _time_from(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time_text(time) != text:
        raise ValueError(f"{text!r}, which is no time in UTC with six decimals")
    return time
