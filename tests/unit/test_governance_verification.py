"""Whatever somebody with full rights on the tables does to the ledger, verification finds it and names where."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.governance.domain.ledger import Content, End, LedgerEntry, RecordedEvent, draft_of, entries_after
from services.governance.domain.verification import (
    Evidence,
    FaultReason,
    IssuedCheckpoint,
    LedgerFault,
    LedgerTip,
    StoredEntry,
    verify_entries,
    verify_head,
)
from shared.transparency.merkle import HASH_BYTES, Peaks, leaf_hash
from shared.transparency.tiles import Tile, grown

NOW = datetime(2026, 3, 1, tzinfo=UTC)
COLUMNS = ("event_id", "source", "type", "subject", "trace_id", "record_time")

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
times = st.datetimes(timezones=st.just(UTC))
events = st.builds(RecordedEvent, texts, texts, texts, texts, texts, times, texts, st.binary(max_size=16))


@dataclass(frozen=True, slots=True)
class Kept:
    """A ledger as its tables have it."""

    entries: list[StoredEntry]
    tiles: dict[Tile, bytes]
    head: Peaks
    issued: tuple[IssuedCheckpoint, ...] = ()


def stored(entry: LedgerEntry, content: Content) -> StoredEntry:
    return StoredEntry(entry.sequence, entry.leaf, {name: getattr(entry, name) for name in COLUMNS}, content.digest)


def recorded(told: Sequence[RecordedEvent], now: datetime = NOW, after: int = 0) -> list[StoredEntry]:
    contents = [Content(bytes(16), each.principal, each.payload) for each in told]
    entries = entries_after(End(after), map(draft_of, told, contents), now)
    return [stored(entry, content) for entry, content in zip(entries, contents, strict=True)]


def leaf_of(entry: StoredEntry) -> str:
    assert entry.leaf is not None
    return entry.leaf


def tree_of(entries: Sequence[StoredEntry]) -> tuple[dict[Tile, bytes], Peaks]:
    growth = grown(Peaks(), [leaf_hash(leaf_of(each).encode()) for each in entries])
    return dict(growth.added), growth.peaks


def kept_of(entries: list[StoredEntry]) -> Kept:
    return Kept(entries, *tree_of(entries))


@st.composite
def ledgers(draw: st.DrawFn, least: int = 1) -> Kept:
    """A ledger; in every other its entries are repeated until the tree has hashes above its leaves."""
    is_long = draw(st.booleans())
    told = draw(st.lists(events, min_size=least, max_size=12))
    times_over = 30 if is_long else 1
    kept = kept_of(recorded(told * times_over, draw(times)))
    sizes = draw(st.lists(st.integers(1, len(kept.entries)), max_size=3)) if kept.entries else []
    return replace(kept, issued=tuple(IssuedCheckpoint(size, tree_of(kept.entries[:size])[1].root) for size in sizes))


def verify(kept: Kept) -> LedgerFault | None:
    position, fault = verify_entries(Peaks(), kept.entries, Evidence(kept.tiles, kept.issued))
    last = kept.entries[-1].sequence if kept.entries else 0
    return fault or verify_head(position, LedgerTip(kept.head, last))


def places(kept: Kept) -> st.SearchStrategy[int]:
    return st.integers(0, len(kept.entries) - 1)


def forged(each: StoredEntry, name: str = "subject", value: object = "forged") -> StoredEntry:
    """As a forger would leave the row: leaf and column say the same."""
    leaf = json.dumps(json.loads(leaf_of(each)) | {name: value}, ensure_ascii=False, separators=(",", ":"))
    return replace(each, leaf=leaf, columns={**each.columns, name: value})


@given(ledgers(least=0))
def test_an_untouched_ledger_verifies(kept: Kept) -> None:
    assert verify(kept) is None


@given(ledgers(least=0), st.integers(0, 400))
def test_verifying_in_two_runs_ends_where_one_run_ends(kept: Kept, cut: int) -> None:
    middle, _ = verify_entries(Peaks(), kept.entries[:cut], Evidence(kept.tiles, kept.issued))
    assert verify_entries(middle, kept.entries[cut:], Evidence(kept.tiles, kept.issued)) == (kept.head, None)


def test_a_ledger_so_long_that_its_second_level_has_two_tiles_verifies_in_batches_that_end_anywhere() -> None:
    told = RecordedEvent("e", "s", "t", "", "", NOW, "", b"")
    kept = kept_of(recorded([told] * 66_000))
    position, fault = Peaks(), None
    for begin in range(0, 66_000, 1_000):
        position, fault = verify_entries(position, kept.entries[begin : begin + 1_000], Evidence(kept.tiles))
        assert fault is None
    assert position == kept.head


@given(ledgers(), st.data())
def test_an_altered_leaf_is_found_and_named(kept: Kept, data: st.DataObject) -> None:
    at = data.draw(places(kept))
    name = data.draw(st.sampled_from(["event_id", "source", "type", "subject", "trace_id"]))
    kept.entries[at] = forged(kept.entries[at], name, f"{kept.entries[at].columns[name]}x")
    fault = verify(kept)
    assert fault is not None
    assert (fault.sequence, fault.reason) == (at + 1, FaultReason.HASH_MISMATCH)


@given(ledgers(), st.data())
def test_a_column_that_says_other_than_its_leaf_is_named(kept: Kept, data: st.DataObject) -> None:
    at = data.draw(places(kept))
    name = data.draw(st.sampled_from(COLUMNS))
    kept.entries[at] = replace(kept.entries[at], columns={**kept.entries[at].columns, name: "forged!!!!!!!!"})
    fault = verify(kept)
    assert fault is not None
    assert (fault.sequence, fault.reason) == (at + 1, FaultReason.COLUMN_MISMATCH)


@given(ledgers(), st.data())
def test_a_leaf_that_is_none_is_named(kept: Kept, data: st.DataObject) -> None:
    at = data.draw(places(kept))
    kept.entries[at] = replace(kept.entries[at], leaf=leaf_of(kept.entries[at])[:-1])
    fault = verify(kept)
    assert fault is not None
    assert (fault.sequence, fault.reason) == (at + 1, FaultReason.LEAF_MALFORMED)


@given(ledgers(), st.data())
def test_an_altered_or_missing_content_is_named(kept: Kept, data: st.DataObject) -> None:
    at = data.draw(places(kept))
    digest = data.draw(st.sampled_from([None, leaf_hash(b"a content no strategy draws")]))
    kept.entries[at] = replace(kept.entries[at], content_digest=digest)
    fault = verify(kept)
    assert fault is not None
    assert (fault.sequence, fault.reason) == (at + 1, FaultReason.CONTENT_MISMATCH)


@given(ledgers(), st.data())
def test_an_erased_content_breaks_nothing(kept: Kept, data: st.DataObject) -> None:
    at = data.draw(places(kept))
    kept.entries[at] = replace(kept.entries[at], content_digest=None, is_erased=True)
    assert verify(kept) is None


@given(ledgers(), st.data())
def test_sealed_entries_are_proved_by_their_hashes_and_others_must_have_their_leaves(kept: Kept, data: st.DataObject) -> None:
    through = data.draw(st.integers(1, len(kept.entries)))
    kept.entries[:through] = [replace(each, leaf=None, content_digest=None) for each in kept.entries[:through]]
    position, fault = verify_entries(Peaks(), kept.entries, Evidence(kept.tiles, kept.issued, through))
    assert (position, fault) == (kept.head, None)
    _, fault = verify_entries(Peaks(), kept.entries, Evidence(kept.tiles, kept.issued, through - 1))
    assert fault is not None
    assert (fault.sequence, fault.reason) == (through, FaultReason.LEAF_MALFORMED)


@given(ledgers(), st.data())
def test_a_dropped_entry_is_found_and_named(kept: Kept, data: st.DataObject) -> None:
    at = data.draw(places(kept))
    del kept.entries[at]
    fault = verify(kept)
    assert fault is not None
    assert fault.sequence == at + 1
    assert fault.reason == (FaultReason.HEAD_MISMATCH if at == len(kept.entries) else FaultReason.SEQUENCE_GAP)


@given(ledgers(least=2), st.data(), st.booleans())
def test_swapped_entries_are_found_and_the_first_is_named(kept: Kept, data: st.DataObject, renumbered: bool) -> None:
    first = data.draw(st.integers(0, len(kept.entries) - 2))
    second = data.draw(st.integers(first + 1, len(kept.entries) - 1))
    kept.entries[first], kept.entries[second] = kept.entries[second], kept.entries[first]
    if renumbered:
        for at in (first, second):
            kept.entries[at] = replace(kept.entries[at], sequence=at + 1)
    fault = verify(kept)
    assert fault is not None
    assert fault.sequence == first + 1


@given(ledgers(least=0), events, st.data(), st.booleans())
def test_an_inserted_entry_is_found_and_named(kept: Kept, told: RecordedEvent, data: st.DataObject, renumbered: bool) -> None:
    at = data.draw(st.integers(0, len(kept.entries)))
    unlike = told._replace(type="a type no strategy draws")
    followers = kept.entries[at:]
    if renumbered:
        followers = [replace(forged(each, "sequence", each.sequence + 1), sequence=each.sequence + 1) for each in followers]
    fault = verify(replace(kept, entries=[*kept.entries[:at], *recorded([unlike], after=at), *followers]))
    assert fault is not None
    assert fault.sequence == at + 1


@given(ledgers(), st.data())
def test_a_forged_entry_whose_leaf_hash_is_forged_too_is_found_above_or_at_the_head(kept: Kept, data: st.DataObject) -> None:
    at = data.draw(places(kept))
    kept.entries[at] = forged(kept.entries[at])
    tile, place = (0, at // 256), at % 256 * HASH_BYTES
    hashes = kept.tiles[tile]
    kept.tiles[tile] = hashes[:place] + leaf_hash(leaf_of(kept.entries[at]).encode()) + hashes[place + HASH_BYTES :]
    fault = verify(kept)
    assert fault is not None
    assert fault.reason in {FaultReason.TREE_MISMATCH, FaultReason.CHECKPOINT_MISMATCH, FaultReason.HEAD_MISMATCH}
    if fault.reason is not FaultReason.HEAD_MISMATCH:
        assert fault.sequence <= at + 1 <= fault.last_sequence


@given(ledgers(), st.data())
def test_a_ledger_forged_with_all_its_hashes_is_no_longer_the_one_that_was_signed(kept: Kept, data: st.DataObject) -> None:
    at = data.draw(places(kept))
    size = data.draw(st.integers(at + 1, len(kept.entries)))
    before = data.draw(st.integers(0, at))
    signed = tuple(IssuedCheckpoint(each, tree_of(kept.entries[:each])[1].root) for each in (before, size) if each)
    rewritten = kept_of([*kept.entries[:at], forged(kept.entries[at]), *kept.entries[at + 1 :]])
    fault = verify(replace(rewritten, issued=signed))
    assert fault is not None
    assert fault.reason is FaultReason.CHECKPOINT_MISMATCH
    assert (fault.sequence, fault.last_sequence) == (before + 1, size)


@given(ledgers(), st.data())
def test_a_cut_tail_disagrees_with_the_head(kept: Kept, data: st.DataObject) -> None:
    size = data.draw(st.integers(0, len(kept.entries) - 1))
    fault = verify(replace(kept, entries=kept.entries[:size]))
    assert fault is not None
    assert (fault.sequence, fault.reason) == (size + 1, FaultReason.HEAD_MISMATCH)


@given(ledgers())
def test_a_missing_head_is_a_fault_at_the_first_entry(kept: Kept) -> None:
    position, _ = verify_entries(Peaks(), kept.entries, Evidence(kept.tiles))
    fault = verify_head(position, LedgerTip(None, len(kept.entries)))
    assert fault is not None
    assert (fault.sequence, fault.reason) == (1, FaultReason.HEAD_MISMATCH)
