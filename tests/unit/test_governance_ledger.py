from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.governance.domain.errors import EventMalformed
from services.governance.domain.ledger import (
    GENESIS_HASH,
    LedgerEntry,
    LedgerHead,
    RecordedEvent,
    chained,
    check_event,
    entry_hash,
    payload_hash,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)


def event(**changes: object) -> RecordedEvent:
    usual = RecordedEvent("e-1", "/ballast/intake", "t", "incidents/1", "alice", NOW, "ab" * 16, b"payload")
    return replace(usual, **changes)  # type: ignore[arg-type]


def entry() -> LedgerEntry:
    (made,), _ = chained(LedgerHead(), [event()], NOW)
    return made


def test_the_first_entry_has_sequence_one_and_follows_64_zeros() -> None:
    assert entry().sequence == 1
    assert entry().previous_hash.hex() == "0" * 64


def test_each_entry_carries_the_hash_of_the_one_before() -> None:
    (first, second), head = chained(LedgerHead(), [event(), event(event_id="e-2")], NOW)
    assert second.previous_hash == first.hash
    assert head == LedgerHead(2, second.hash)


def test_appending_in_two_batches_gives_the_same_chain_as_in_one() -> None:
    events = [event(event_id=f"e-{number}") for number in range(6)]
    at_once, head = chained(LedgerHead(), events, NOW)
    first, middle = chained(LedgerHead(), events[:2], NOW)
    second, end = chained(middle, events[2:], NOW)
    assert first + second == at_once
    assert end == head


def test_the_hash_is_that_of_the_documented_canonical_form() -> None:
    # Written out by hand from the module's docstring, so that the form cannot drift without a test going red.
    parts = [
        b"ballast.governance.v1.LedgerEntry",
        b"1",
        b"e-1",
        b"/ballast/intake",
        b"t",
        b"incidents/1",
        b"alice",
        b"1772366400000005",
        b"1772366400000005",
        b"ab" * 16,
        bytes.fromhex("239f59ed55e737c77147cf55ad0c1b030b6d7ee748a7426952f9b852d5a935e5"),  # echo -n payload | sha256sum
        bytes(32),
    ]
    assert entry().hash == payload_hash(b"".join(len(part).to_bytes(4, "big") + part for part in parts))


@pytest.mark.parametrize(
    "changes",
    [
        {"sequence": 2},
        {"event_id": "e-2"},
        {"source": "/ballast/triage"},
        {"type": "u"},
        {"subject": "incidents/2"},
        {"principal": "bob"},
        {"event_time": NOW + timedelta(microseconds=1)},
        {"record_time": NOW + timedelta(microseconds=1)},
        {"trace_id": "cd" * 16},
        {"payload_hash": payload_hash(b"other")},
        {"previous_hash": payload_hash(b"other")},
    ],
)
def test_every_field_is_bound_by_the_hash(changes: dict[str, object]) -> None:
    assert entry_hash(replace(entry(), **changes)) != entry().hash  # type: ignore[arg-type]


def test_text_moved_from_one_field_to_the_next_changes_the_hash() -> None:
    moved = replace(entry(), subject="incidents/1a", principal="lice")
    assert entry_hash(moved) != entry().hash


def test_the_hash_of_an_entry_does_not_depend_on_the_hash_it_carries() -> None:
    assert entry_hash(replace(entry(), hash=GENESIS_HASH)) == entry().hash


@pytest.mark.parametrize("text", ["x" * 1025, "é" * 513, "a\0b"])
def test_text_that_cannot_be_kept_is_refused_by_field(text: str) -> None:
    with pytest.raises(EventMalformed) as refused:
        check_event(event(subject=text))
    assert refused.value.violations[0].field == "subject"


def test_an_event_without_subject_trace_or_payload_is_accepted() -> None:
    check_event(event(subject="", trace_id="", principal="", payload=b""))
