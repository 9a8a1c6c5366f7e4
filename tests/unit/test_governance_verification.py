from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.governance.domain.ledger import LedgerEntry, LedgerHead, RecordedEvent, chained, entry_hash, payload_hash
from services.governance.domain.verification import (
    FaultReason,
    LedgerFault,
    LedgerTip,
    StoredEntry,
    verify_entries,
    verify_head,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ALTERABLE = [
    "sequence",
    "event_id",
    "source",
    "type",
    "subject",
    "principal",
    "event_time",
    "record_time",
    "trace_id",
    "hashes",
]

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
times = st.datetimes(timezones=st.just(UTC))
events = st.builds(RecordedEvent, texts, texts, texts, texts, texts, times, texts, st.binary(max_size=16))


def stored(entries: Sequence[LedgerEntry], payloads: Sequence[bytes]) -> list[StoredEntry]:
    return [StoredEntry(entry, payload_hash(payload)) for entry, payload in zip(entries, payloads, strict=True)]


@st.composite
def chains(draw: st.DrawFn, least: int = 1) -> tuple[list[StoredEntry], LedgerHead]:
    recorded = draw(st.lists(events, min_size=least, max_size=12))
    entries, head = chained(LedgerHead(), recorded, draw(times))
    return stored(entries, [event.payload for event in recorded]), head


def verify(chain: Sequence[StoredEntry], head: LedgerHead) -> LedgerFault | None:
    position, fault = verify_entries(LedgerHead(), chain)
    last = chain[-1].entry.sequence if chain else 0
    return fault or verify_head(position, LedgerTip(head, last))


def sealed(entry: LedgerEntry) -> LedgerEntry:
    """As a forger would leave it: with the hash that belongs to what it now says."""
    return replace(entry, hash=entry_hash(entry))


@given(chains(least=0))
def test_an_untouched_chain_verifies(given_chain: tuple[list[StoredEntry], LedgerHead]) -> None:
    assert verify(*given_chain) is None


@given(chains(least=0), st.integers(0, 12))
def test_verifying_in_two_runs_ends_where_one_run_ends(given_chain: tuple[list[StoredEntry], LedgerHead], cut: int) -> None:
    chain, head = given_chain
    middle, _ = verify_entries(LedgerHead(), chain[:cut])
    assert verify_entries(middle, chain[cut:]) == (head, None)


def altered(each: StoredEntry, field: str) -> StoredEntry:
    entry = each.entry
    if field == "hashes":
        return replace(each, entry=replace(entry, payload_hash=payload_hash(b"a payload no strategy draws")))
    value = getattr(entry, field)
    if field == "sequence":
        return replace(each, entry=replace(entry, sequence=value + 1))
    if field in ("event_time", "record_time"):
        changed = value + timedelta(microseconds=1 if value < NOW else -1)
        return replace(each, entry=replace(entry, **{field: changed}))
    return replace(each, entry=replace(entry, **{field: value + "x"}))


@given(chains(), st.data())
def test_an_altered_entry_is_found_and_named(given_chain: tuple[list[StoredEntry], LedgerHead], data: st.DataObject) -> None:
    chain, head = given_chain
    at = data.draw(st.integers(0, len(chain) - 1))
    chain[at] = altered(chain[at], data.draw(st.sampled_from(ALTERABLE)))
    fault = verify(chain, head)
    assert fault is not None
    assert fault.sequence == at + 1


@given(chains(), st.data())
def test_an_altered_payload_is_found_and_named(given_chain: tuple[list[StoredEntry], LedgerHead], data: st.DataObject) -> None:
    chain, head = given_chain
    at = data.draw(st.integers(0, len(chain) - 1))
    kept = data.draw(st.sampled_from([None, payload_hash(b"a payload no strategy draws")]))
    chain[at] = replace(chain[at], kept_payload_hash=kept)
    fault = verify(chain, head)
    assert fault is not None
    assert (fault.sequence, fault.reason) == (at + 1, FaultReason.PAYLOAD_MISMATCH)


@given(chains(), st.data())
def test_an_entry_altered_with_its_hash_breaks_the_chain_at_the_next(
    given_chain: tuple[list[StoredEntry], LedgerHead], data: st.DataObject
) -> None:
    chain, head = given_chain
    at = data.draw(st.integers(0, len(chain) - 1))
    chain[at] = replace(chain[at], entry=sealed(altered(chain[at], "subject").entry))
    fault = verify(chain, head)
    assert fault is not None
    if at == len(chain) - 1:
        assert (fault.sequence, fault.reason) == (at + 1, FaultReason.HEAD_MISMATCH)
    else:
        assert (fault.sequence, fault.reason) == (at + 2, FaultReason.CHAIN_BROKEN)


@given(chains(), st.data())
def test_a_dropped_entry_is_found_and_named(given_chain: tuple[list[StoredEntry], LedgerHead], data: st.DataObject) -> None:
    chain, head = given_chain
    at = data.draw(st.integers(0, len(chain) - 1))
    del chain[at]
    fault = verify(chain, head)
    assert fault is not None
    assert fault.sequence == at + 1
    assert fault.reason == (FaultReason.HEAD_MISMATCH if at == len(chain) else FaultReason.SEQUENCE_GAP)


@given(chains(least=2), st.data(), st.booleans())
def test_swapped_entries_are_found_and_the_first_is_named(
    given_chain: tuple[list[StoredEntry], LedgerHead], data: st.DataObject, renumbered: bool
) -> None:
    chain, head = given_chain
    first = data.draw(st.integers(0, len(chain) - 2))
    second = data.draw(st.integers(first + 1, len(chain) - 1))
    chain[first], chain[second] = chain[second], chain[first]
    if renumbered:
        for at in (first, second):
            chain[at] = replace(chain[at], entry=replace(chain[at].entry, sequence=at + 1))
    fault = verify(chain, head)
    assert fault is not None
    assert fault.sequence == first + 1


@given(chains(least=0), events, st.data(), st.booleans())
def test_an_inserted_entry_is_found_where_the_next_no_longer_fits(
    given_chain: tuple[list[StoredEntry], LedgerHead], event: RecordedEvent, data: st.DataObject, renumbered: bool
) -> None:
    # The forger chains the new entry correctly to the one before, so that it fits itself: what follows does not.
    chain, head = given_chain
    at = data.draw(st.integers(0, len(chain)))
    position, _ = verify_entries(LedgerHead(), chain[:at])
    forged, _ = chained(position, [event], NOW)
    followers = chain[at:]
    if renumbered:
        followers = [replace(each, entry=replace(each.entry, sequence=each.entry.sequence + 1)) for each in followers]
    fault = verify([*chain[:at], *stored(forged, [event.payload]), *followers], head)
    assert fault is not None
    assert fault.sequence == (at + 2 if followers else at + 1)


@given(chains(), st.data())
def test_a_tail_forged_with_all_its_hashes_disagrees_with_the_head(
    given_chain: tuple[list[StoredEntry], LedgerHead], data: st.DataObject
) -> None:
    chain, head = given_chain
    at = data.draw(st.integers(0, len(chain) - 1))
    position, _ = verify_entries(LedgerHead(), chain[:at])
    forged = [RecordedEvent("forged", "", "", "", "", NOW, "", b"forged") for _ in chain[at:]]
    entries, _ = chained(position, forged, NOW)
    fault = verify([*chain[:at], *stored(entries, [b"forged"] * len(entries))], head)
    assert fault is not None
    assert (fault.sequence, fault.reason) == (len(chain), FaultReason.HEAD_MISMATCH)


@given(chains())
def test_a_missing_head_is_a_fault_at_the_first_entry(given_chain: tuple[list[StoredEntry], LedgerHead]) -> None:
    chain, _ = given_chain
    position, _ = verify_entries(LedgerHead(), chain)
    fault = verify_head(position, LedgerTip(None, len(chain)))
    assert fault is not None
    assert (fault.sequence, fault.reason) == (1, FaultReason.HEAD_MISMATCH)
