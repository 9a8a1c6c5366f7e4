import hashlib
import json
import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.governance.domain.errors import EventMalformed
from services.governance.domain.ledger import (
    Content,
    End,
    LeafMalformed,
    LedgerEntry,
    RecordedEvent,
    check_event,
    draft_of,
    entries_after,
    entry_from_leaf,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
SALT = bytes(range(16))


def event(**changes: object) -> RecordedEvent:
    usual = RecordedEvent("e-1", "/ballast/intake", "t", "incidents/1", "alice", NOW, "ab" * 16, b"payload", "p.S/M", "why")
    return usual._replace(**changes)  # type: ignore[arg-type]


def entry(sequence: int = 1, now: datetime = NOW, **changes: object) -> LedgerEntry:
    told = event(**changes)
    (made,) = entries_after(End(sequence - 1), [draft_of(told, Content(SALT, told.principal, told.payload, told.reason))], now)
    return made


def test_entries_follow_those_before_without_a_gap() -> None:
    events = [event(event_id=f"e-{number}") for number in range(3)]
    made = entries_after(End(7), [draft_of(each, Content(SALT, "", b"")) for each in events], NOW)
    assert [each.sequence for each in made] == [8, 9, 10]


def test_an_entry_names_the_one_before_it_about_the_same_subject() -> None:
    events = [event(subject=subject) for subject in ("a", "b", "a", "", "", "c", "a")]
    made = entries_after(End(7, {"a": 3, "c": 5}), [draft_of(each, Content(SALT, "", b"")) for each in events], NOW)
    assert [each.previous for each in made] == [3, 0, 8, 0, 0, 5, 10]


def test_the_leaf_is_the_line_the_contract_tells_of_and_its_hash_that_of_a_zero_byte_and_the_line() -> None:
    # Written out by hand, so that the form cannot drift without a test going red.
    content = hashlib.sha256(SALT + b"\x00\x00\x00\x05" + b"alice" + b"\x00\x00\x00\x03" + b"why" + b"payload").hexdigest()
    line = (
        '{"format":"ballast.governance.v1.LedgerEntry","sequence":1,"event_id":"e-1","source":"/ballast/intake","type":"t",'
        '"subject":"incidents/1","event_time":"2026-03-01T12:00:00.000005Z","record_time":"2026-03-01T12:00:00.000005Z",'
        f'"trace_id":"{"ab" * 16}","method":"p.S/M","previous":0,"content_sha256":"{content}"}}'
    )
    assert entry().leaf == line
    assert entry().hash == hashlib.sha256(b"\x00" + line.encode()).digest()


def test_the_leaf_tells_nothing_of_what_can_be_erased() -> None:
    leaf = entry(principal="grace@example.org", payload=b"secret").leaf
    assert "grace" not in leaf
    assert "secret" not in leaf


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
        {"now": NOW + timedelta(microseconds=1)},
        {"trace_id": "cd" * 16},
        {"payload": b"other"},
        {"principal": "alicew", "reason": "hy"},
        {"reason": "whyp", "payload": b"ayload"},
        {"method": "p.S/N"},
    ],
)
def test_everything_is_bound_by_the_hash(changes: dict[str, object]) -> None:
    assert entry(**changes).hash != entry().hash  # type: ignore[arg-type]


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
times = st.datetimes(timezones=st.just(UTC))


@given(
    st.builds(RecordedEvent, texts, texts, texts, texts, texts, times, texts, st.binary(max_size=16), texts, texts),
    times,
    st.integers(1, 2**62),
)
def test_a_leaf_reads_as_the_entry_it_was_made_of(told: RecordedEvent, now: datetime, sequence: int) -> None:
    (made,) = entries_after(End(sequence - 1), [draft_of(told, Content(SALT, told.principal, told.payload, told.reason))], now)
    assert entry_from_leaf(made.leaf, told.principal, told.reason) == made


@given(
    st.builds(RecordedEvent, texts, texts, texts, texts, texts, times, texts, st.binary(max_size=16), texts, texts),
    times,
    st.integers(1, 2**62),
)
def test_the_leaf_is_what_any_writer_of_json_makes_of_the_same_fields(told: RecordedEvent, now: datetime, sequence: int) -> None:
    content = Content(SALT, told.principal, told.payload, told.reason)
    (made,) = entries_after(End(sequence - 1, {told.subject: 7}), [draft_of(told, content)], now)
    principal, reason = told.principal.encode(), told.reason.encode()
    parts = (SALT, struct.pack(">I", len(principal)), principal, struct.pack(">I", len(reason)), reason, told.payload)
    line = {
        "format": "ballast.governance.v1.LedgerEntry",
        "sequence": sequence,
        **{name: getattr(told, name) for name in ("event_id", "source", "type", "subject")},
        "event_time": told.event_time.strftime("%Y-%m-%dT%H:%M:%S.%fZ").zfill(27),
        "record_time": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ").zfill(27),
        "trace_id": told.trace_id,
        "method": told.method,
        "previous": 7,
        "content_sha256": hashlib.sha256(b"".join(parts)).hexdigest(),
    }
    assert made.leaf == json.dumps(line, ensure_ascii=False, separators=(",", ":"))


def changed_line(**changes: object) -> str:
    line = json.loads(entry().leaf) | changes
    return json.dumps({key: value for key, value in line.items() if value is not None})


@pytest.mark.parametrize(
    ("leaf", "why"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "not of the format"),
        (changed_line(format="other"), "not of the format"),
        (changed_line(subject=None), "subject"),
        (changed_line(event_time="yesterday"), "yesterday"),
        (changed_line(event_time="2026-03-01T12:00:00+01:00"), "UTC with six decimals"),
        (changed_line(content_sha256="xyz"), "non-hexadecimal"),
    ],
)
def test_a_line_that_is_no_leaf_says_why(leaf: str, why: str) -> None:
    with pytest.raises(LeafMalformed, match=why):
        entry_from_leaf(leaf)


@pytest.mark.parametrize("field", ["event_id", "source", "type", "subject", "trace_id", "principal", "method"])
@pytest.mark.parametrize("text", ["x" * 1025, "é" * 513, "a\0b"])
def test_text_that_cannot_be_kept_is_refused_by_field(text: str, field: str) -> None:
    with pytest.raises(EventMalformed) as refused:
        check_event(event(**{field: text}))
    assert refused.value.violations[0].field == field


def test_an_event_without_subject_trace_or_payload_is_accepted() -> None:
    check_event(event(subject="", trace_id="", principal="", payload=b""))
