"""Attestation: whether an approval as its row has it is what the events told of it; a row alone is nobody's word.

Every state of an approval was told by an event that holds the whole of it, in the outbox at once and in the ledger soon after.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from services.governance.domain.approval import Approval

Unreadable = ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError
"""What reading a row or an event raises that is none."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An approval at one version, in a form that is compared: all of it, what never changes of it, and its votes in order."""

    version: int
    whole: bytes
    settled: bytes
    votes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """An event about an approval, by its id; without a snapshot where its content is gone, with a fault where it is not as it was.

    `gone` says how it went: erased, or given away with its segment. `time` is the event's, where its leaf is left.
    """

    event_id: str
    snapshot: Snapshot | None = None
    gone: str = ""
    time: datetime | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Attested:
    """An approval, None where its row cannot be read. `fault` says why nobody may go by it, `caveat` what cannot be compared."""

    name: str
    approval: Approval | None
    fault: str = ""
    caveat: str = ""


def attested(name: str, approval: Approval | None, snapshot_of: Callable[[Approval], Snapshot], told: Sequence[Told]) -> Attested:
    """Compares the row of an approval with all that was told of it."""
    if approval is None:
        return Attested(name, None, "its row cannot be read")
    try:
        row = snapshot_of(approval)
    except Unreadable:
        return Attested(name, approval, "its row cannot be read")
    known = sorted((each.snapshot for each in told if each.snapshot), key=lambda each: each.version)
    if any(each.version == row.version for each in known):
        return Attested(name, approval, next(_faults(row, known, told), ""))
    fault, caveat = _without_content(approval, told)
    return Attested(name, approval, fault or next(_faults(row, known, told), ""), caveat)


def _faults(row: Snapshot, known: Sequence[Snapshot], told: Sequence[Told]) -> Iterator[str]:
    yield from (each.fault for each in told if each.fault)
    for each in known:
        if each.version == row.version and each.whole != row.whole:
            yield f"its row is not what was told of it at version {row.version}"
        if each.version > row.version:
            yield f"its row is at version {row.version}, and version {each.version} was told"
        if each.settled != row.settled:
            yield f"what was asked for, or its rule, is not what was told at version {each.version}"
    for before, later in pairwise(known):
        grown = len(later.votes) - len(before.votes)
        if later.votes[: len(before.votes)] != before.votes or not 0 <= grown <= later.version - before.version:
            yield f"its votes at version {later.version} do not follow from those at version {before.version}"


def _without_content(approval: Approval, told: Sequence[Told]) -> tuple[str, str]:
    """What is erased by law must not undo what was agreed: then there must be one event for each version, the last of this row's time."""
    gone = [each for each in told if each.gone]
    events = len({each.event_id for each in told})
    last = max((each.time for each in gone if each.time), default=None)
    if not gone or events < approval.version:
        return f"no event told of it at version {approval.version}", ""
    if events > approval.version or (last is not None and last != approval.updated_at):
        return f"its row is at version {approval.version}, and later ones were told", ""
    return "", f"its row could not be compared: what was told of it last was {gone[-1].gone}"
