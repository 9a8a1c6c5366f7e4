"""Exports of the ledger: whatever is altered in one, checking it with the public key finds it."""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from clients.cli.ledger_drawing import draw_file_verdict
from clients.cli.ledger_file import FileVerdict, verify_file
from clients.cli.ledger_record import ERASURE_TYPE, OWN_SOURCE
from services.governance.domain.ledger import Content, End, LedgerEntry, RecordedEvent, draft_of, entries_after
from shared.transparency.checkpoint import Checkpoint
from shared.transparency.merkle import Hash, Peaks, Range, inclusion_ranges, node_ranges
from shared.transparency.note import Signer
from shared.transparency.tiles import WIDTH, grown, range_hash

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SIGNER = Signer("example.org/ledger", Ed25519PrivateKey.from_private_bytes(bytes(32)))
OTHER = Signer("example.org/ledger", Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1"))
Parts = list[dict[str, Any]]


class Log:
    """A ledger of so many entries, and exports of it."""

    def __init__(self, count: int, signer: Signer = SIGNER, records: Sequence[RecordedEvent] = ()) -> None:
        told = [RecordedEvent(f"e-{n}", "/ballast/test", "t", f"s/{n}", "ada", NOW, "", b"%d" % n) for n in range(1, count + 1)]
        told += records
        count = len(told)
        self.contents = [Content(bytes(16), each.principal, each.payload) for each in told]
        self.entries: Sequence[LedgerEntry] = entries_after(End(0), map(draft_of, told, self.contents), NOW)
        self.leaves = [each.hash for each in self.entries]
        self.tiles = grown(Peaks(), self.leaves).added
        self.count = count
        self.signer = signer

    def note(self, size: int) -> str:
        return self.signer.sign(str(Checkpoint(self.signer.name, size, Peaks().grown(self.leaves[:size]).root)))

    def whole(self, signed: Sequence[int] = ()) -> Parts:
        parts: Parts = [{"header": {"checkpoint": self.note(self.count), "complete": True}}]
        for begin in range(0, self.count, WIDTH):
            node = begin, min(begin + WIDTH, self.count)
            tile = {"first_sequence": str(begin + 1), "hashes": text(b"".join(self.leaves[slice(*node)])), "path": self.hashes(node)}
            parts.append({"tile": tile})
            for sequence in range(begin + 1, node[1] + 1):
                parts.append({"entry": self.entry(sequence)})
                if sequence in signed:
                    parts.append({"checkpoint": self.note(sequence)})
        return [*parts, {"footer": {"entry_count": str(self.count)}}]

    def selection(self, sequences: Sequence[int]) -> Parts:
        parts: Parts = [{"header": {"checkpoint": self.note(self.count)}}]
        for each in sequences:
            path = [text(range_hash(part, self.tiles)) for part in inclusion_ranges(each - 1, self.count)]
            parts.append({"entry": self.entry(each) | {"path": path}})
        return [*parts, {"footer": {"entry_count": str(len(sequences))}}]

    def entry(self, sequence: int) -> dict[str, Any]:
        content = self.contents[sequence - 1]
        kept = {"salt": text(content.salt), "principal": content.principal, "payload": text(content.payload)}
        return {"leaf": self.entries[sequence - 1].leaf, "content": kept}

    def hashes(self, node: Range) -> list[str]:
        return [text(range_hash(each, self.tiles)) for each in node_ranges(node, self.count)]


def text(found: Hash) -> str:
    return base64.b64encode(found).decode()


def verify(parts: Parts, signer: Signer = SIGNER) -> FileVerdict:
    return verify_file([json.dumps(part) for part in parts], [signer.verifier])


def entry_lines(parts: Parts) -> list[int]:
    return [number for number, part in enumerate(parts) if "entry" in part]


logs = st.builds(Log, st.one_of(st.integers(1, 20), st.integers(250, 600)))


@given(logs, st.data())
def test_an_untouched_export_fits(log: Log, data: st.DataObject) -> None:
    signed = data.draw(st.lists(st.integers(1, log.count), max_size=3))
    verdict = verify(log.whole(signed))
    assert verdict.fault is None
    assert (verdict.entry_count, verdict.is_complete) == (log.count, True)
    chosen = sorted(data.draw(st.sets(st.integers(1, log.count), min_size=1, max_size=5)))
    verdict = verify(log.selection(chosen))
    assert verdict.fault is None
    assert (verdict.entry_count, verdict.is_complete) == (len(chosen), False)


def alter_leaf(log: Log, entry: dict[str, Any]) -> None:
    entry["leaf"] = entry["leaf"].replace("/ballast/test", "/ballast/fake")


def alter_principal(log: Log, entry: dict[str, Any]) -> None:
    entry["content"]["principal"] = "mallory"


def alter_payload(log: Log, entry: dict[str, Any]) -> None:
    entry["content"]["payload"] = text(b"forged")


def alter_salt(log: Log, entry: dict[str, Any]) -> None:
    entry["content"]["salt"] = text(bytes(15) + b"\1")


def garble(log: Log, entry: dict[str, Any]) -> None:
    entry["leaf"] = entry["leaf"][:-1]


Alteration = Callable[[Log, dict[str, Any]], None]


@given(logs, st.data(), st.sampled_from([alter_leaf, alter_principal, alter_payload, alter_salt, garble]), st.booleans())
def test_an_altered_entry_is_found_and_named(log: Log, data: st.DataObject, alter: Alteration, whole: bool) -> None:
    at = data.draw(st.integers(1, log.count))
    parts = log.whole() if whole else log.selection(range(1, log.count + 1))
    alter(log, parts[entry_lines(parts)[at - 1]]["entry"])
    fault = verify(parts).fault
    assert fault is not None
    assert fault.sequence == at


@given(logs, st.data())
def test_a_dropped_entry_is_found_and_named(log: Log, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, log.count))
    parts = log.whole()
    del parts[entry_lines(parts)[at - 1]]
    fault = verify(parts).fault
    assert fault is not None
    assert fault.sequence == at


@given(logs.filter(lambda log: log.count > 1), st.data())
def test_swapped_entries_are_found_and_the_first_is_named(log: Log, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, log.count - 1))
    second = data.draw(st.integers(first + 1, log.count))
    parts = log.whole()
    one, two = (entry_lines(parts)[each - 1] for each in (first, second))
    parts[one], parts[two] = parts[two], parts[one]
    fault = verify(parts).fault
    assert fault is not None
    assert fault.sequence == first


@given(logs, st.data(), st.booleans())
def test_an_inserted_entry_is_found_and_named(log: Log, data: st.DataObject, twice: bool) -> None:
    at = data.draw(st.integers(1, log.count))
    parts = log.whole()
    line = entry_lines(parts)[at - 1]
    inserted = dict(parts[line]["entry"])
    if not twice:
        inserted["leaf"] = inserted["leaf"].replace("/ballast/test", "/ballast/fake")
    parts.insert(line, {"entry": inserted})
    fault = verify(parts).fault
    assert fault is not None
    assert fault.sequence == (at + 1 if twice else at)


@given(logs, st.data())
def test_a_tail_cut_off_is_found_even_when_the_count_is_forged_too(log: Log, data: st.DataObject) -> None:
    size = data.draw(st.integers(0, log.count - 1))
    parts = log.whole()
    cut = parts[: entry_lines(parts)[size]]
    for forged in (cut, [*cut, {"footer": {"entry_count": str(size)}}]):
        fault = verify(forged).fault
        assert fault is not None
        assert fault.sequence == size + 1


def test_a_whole_ledger_rewritten_after_it_was_signed_is_found_between_the_checkpoints() -> None:
    log, forged = Log(600), Log(600)
    told = RecordedEvent("forged", "/ballast/test", "t", "s/400", "ada", NOW, "", b"400")
    (entry,) = entries_after(End(399), [draft_of(told, forged.contents[399])], NOW)
    forged.entries = [*forged.entries[:399], entry, *forged.entries[400:]]
    forged.leaves[399] = entry.hash
    forged.tiles = grown(Peaks(), forged.leaves).added
    parts = forged.whole([200, 500])
    as_signed_before = iter([200, 500])
    for part in parts:
        if "checkpoint" in part:
            part["checkpoint"] = log.note(next(as_signed_before))
    fault = verify(parts).fault
    assert fault is not None
    assert (fault.sequence, fault.last_sequence) == (201, 500)


def test_an_export_signed_by_another_key_does_not_fit() -> None:
    fault = verify(Log(3, OTHER).whole()).fault
    assert fault is not None
    assert fault.sequence == 0
    assert "none of them known" in fault.detail


def test_a_forged_tile_is_found_by_its_path() -> None:
    parts = Log(600).whole()
    tiles = [part["tile"] for part in parts if "tile" in part]
    tiles[1]["hashes"] = tiles[0]["hashes"]
    fault = verify(parts).fault
    assert fault is not None
    assert (fault.sequence, fault.last_sequence) == (257, 512)


def recorded(subject: str, type_: str = ERASURE_TYPE, source: str = OWN_SOURCE) -> RecordedEvent:
    return RecordedEvent(f"record of {subject}", source, type_, subject, "root", NOW, "", b"")


def without_content(parts: Parts, *sequences: int) -> Parts:
    for part in parts:
        if "entry" in part and json.loads(part["entry"]["leaf"])["sequence"] in sequences:
            del part["entry"]["content"]
    return parts


def test_a_content_whose_erasure_is_recorded_is_counted_and_breaks_nothing() -> None:
    verdict = verify(without_content(Log(3, records=[recorded("ledgerEntries/2")]).whole(), 2))
    assert verdict.fault is None
    assert (verdict.erased_count, verdict.bare) == (1, ())


@pytest.mark.parametrize(
    "record",
    [
        None,
        recorded("ledgerEntries/3"),
        recorded("ledgerEntries/2", source="/ballast/governance"),
        recorded("ledgerEntries/2", type_="ballast.governance.v1.SegmentSealed"),
        recorded("ledgerEntries/22"),
    ],
)
def test_a_content_that_is_gone_without_a_record_is_a_mismatch_in_a_whole_export(record: RecordedEvent | None) -> None:
    fault = verify(without_content(Log(3, records=[record] if record else []).whole(), 2)).fault
    assert fault is not None
    assert (fault.sequence, fault.reason) == (2, "CONTENT_MISMATCH")
    assert "no entry records that it was erased" in fault.detail


def test_a_selection_says_which_contents_it_lacks_for_it_cannot_tell_why() -> None:
    log = Log(5, records=[recorded("ledgerEntries/2")])
    verdict = verify(without_content(log.selection([1, 2, 3, 6]), 2, 3))
    assert (verdict.fault, verdict.erased_count, verdict.bare) == (None, 1, (3,))
    text = " ".join(str(each) for each in draw_file_verdict(verdict))
    assert "no content of entry 3: erased or taken out, a selection cannot tell" in text


@pytest.mark.parametrize(("told", "at"), [("256", 1), ("128", 1)])
def test_entries_said_to_be_sealed_that_no_seal_records_are_missing(told: str, at: int) -> None:
    parts = Log(300).whole()
    parts[0]["header"]["sealed_through"] = told
    if told == "256":
        gone = entry_lines(parts)[:256]
        parts = [part for number, part in enumerate(parts) if number not in gone]
        parts[-1]["footer"]["entry_count"] = "44"
    fault = verify(parts).fault
    assert fault is not None
    assert fault.sequence == at


def test_a_seal_that_is_recorded_and_not_told_does_not_fit() -> None:
    seal = recorded("ledgerSegments/1-256", type_="ballast.governance.v1.SegmentSealed")
    fault = verify(Log(256, records=[seal]).whole()).fault
    assert fault is not None
    assert "records say 256" in fault.detail


def test_a_selection_of_no_entries_proves_nothing() -> None:
    fault = verify(Log(3).selection([])).fault
    assert fault is not None
    assert "proves nothing" in fault.detail


def test_fields_that_nobody_knows_are_told() -> None:
    parts = Log(2).whole()
    parts[0]["header"]["blessed_by"] = "ada"
    parts[2]["entry"]["content"]["note"] = "true"
    parts[2]["approved"] = True
    verdict = verify(parts)
    assert (verdict.fault, verdict.unknown) == (None, ("header.blessed_by", "approved", "entry.content.note"))
    assert "header.blessed_by" in " ".join(str(each) for each in draw_file_verdict(verdict))


def test_both_spellings_of_protobuf_s_json_are_read() -> None:
    lines = [json.dumps(part).replace("first_sequence", "firstSequence").replace("entry_count", "entryCount") for part in Log(300).whole()]
    assert verify_file(lines, [SIGNER.verifier]).fault is None


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "empty"),
        (["{}"], "first line"),
        (["no"], "line 1 is no JSON"),
        (["[" * 100_000], "line 1 is no JSON"),
        (['{"header": {"checkpoint": "a", "checkpoint": "b"}}'], "line 1 has the field checkpoint twice"),
        (['{"header": {}, "header": {}}'], "line 1 has the field header twice"),
        (['{"header": {}, "footer": {}}'], "line 1 has several parts"),
        (['{"header": []}'], "something else than an object as its header"),
        (['{"header": {"checkpoint": ""}}'], "the checkpoint is no note"),
        ([json.dumps(part) for part in [*Log(1).whole(), {"footer": {}}]], "comes after the last part"),
        ([json.dumps(Log(1).whole()[0]), '{"future": {}}'], "newer"),
        ([json.dumps(part) for part in [Log(1).whole()[0], *Log(1).whole()]], "no other, must be the header"),
        ([json.dumps(part) for part in Log(2).whole()[:1] + Log(2).whole()[2:]], "no hash of this entry was proved"),
        ([json.dumps(part) for part in reversed(Log(1).selection([1]))], "first line"),
        ([json.dumps(part) for part in Log(3).selection([2, 1])], "entry 1 stands after entry 2"),
    ],
)
def test_what_is_no_export_says_why(lines: list[str], why: str) -> None:
    fault = verify_file(lines, [SIGNER.verifier]).fault
    assert fault is not None
    assert why in fault.detail
