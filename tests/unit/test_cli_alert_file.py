"""Reading alert files: what is taken, and how what is malformed is named."""

import contextlib
import json
from datetime import UTC, datetime

import pytest
from ballast.intake.v1.alert_pb2 import AlertReport
from hypothesis import given
from hypothesis import strategies as st

from clients.cli.alert_file import MOST_VIOLATIONS, LocatedReport, read_reports
from clients.cli.alerts import BATCH_BYTES, BATCH_COUNT, batches
from shared.errors import InvalidInput, Violation

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
GOOD = '{"labels": {"component": "web"}}'


def read(text: str) -> list[LocatedReport]:
    return read_reports(text.encode(), NOW)


def faults(text: str) -> list[Violation]:
    with pytest.raises(InvalidInput) as refused:
        read(text)
    return list(refused.value.violations)


def fields(text: str) -> list[str]:
    return [each.field for each in faults(text)]


def test_json_lines_keep_the_numbers_of_their_lines() -> None:
    found = read(f"{GOOD}\n\n  \n{GOOD}\n")
    assert [each.line for each in found] == [1, 4]


def test_an_array_keeps_the_lines_where_its_elements_begin() -> None:
    found = read(f'[\n{GOOD},\n{{\n"labels": {{"a": "b"}}\n}},\n{GOOD}]\n')
    assert [each.line for each in found] == [2, 3, 6]


def test_alertmanagers_spelling_and_ours_give_the_same_report() -> None:
    ours = '{"labels": {"a": "b"}, "starts_at": "2026-03-01T00:00:00Z", "ends_at": "2026-03-01T01:00:00Z", "generator_url": "http://x"}'
    theirs = '{"labels": {"a": "b"}, "startsAt": "2026-03-01T00:00:00Z", "endsAt": "2026-03-01T01:00:00Z", "generatorURL": "http://x"}'
    assert read(ours)[0].report == read(theirs)[0].report


def test_alertmanagers_zero_end_means_that_it_fires() -> None:
    report = read('{"labels": {"a": "b"}, "endsAt": "0001-01-01T00:00:00Z"}')[0].report
    assert not report.HasField("ends_at")


def test_alertmanagers_end_ahead_means_that_it_fires_until_told_otherwise() -> None:
    report = read('{"labels": {"a": "b"}, "endsAt": "2026-03-02T12:04:00Z"}')[0].report
    assert not report.HasField("ends_at")


def test_our_own_end_ahead_is_left_for_the_server_to_judge() -> None:
    assert read('{"labels": {"a": "b"}, "ends_at": "2026-03-02T12:04:00Z"}')[0].report.HasField("ends_at")


def test_what_alertmanager_answers_beside_the_signal_is_passed_over() -> None:
    text = '{"labels": {"a": "b"}, "fingerprint": "f", "status": {"state": "active"}, "receivers": [], "updatedAt": "x"}'
    assert read(text)[0].report == AlertReport(labels={"a": "b"})


def test_times_keep_their_offset_and_nanoseconds() -> None:
    stamp = read('{"labels": {"a": "b"}, "starts_at": "2026-03-01T02:00:00.123456789+02:00"}')[0].report.starts_at
    assert (stamp.ToDatetime(tzinfo=UTC).hour, stamp.nanos) == (0, 123456789)


@pytest.mark.parametrize(
    ("line", "field", "says"),
    [
        ('{"labels": {}}', "line 2, labels", "map.min_pairs"),
        ('{"annotations": {"a": "b"}}', "line 2, labels", "map.min_pairs"),
        ('{"labels": {"a": 1}}', 'line 2, labels["a"]', "double quotes"),
        ('{"labels": ["a"]}', "line 2, labels", "object of strings"),
        ('{"labels": {"": "x"}}', 'line 2, labels[""]', "string.min_len"),
        (f'{{"labels": {{"a": "{"é" * 600}"}}}}', 'line 2, labels["a"]', "1024 bytes"),
        ('{"label": {"a": "b"}}', "line 2, label", "use labels"),
        ('{"labels": {"a": "b"}, "labels": {}}', "line 2, labels", "twice"),
        ('{"labels": {"a": "b"}, "starts_at": null, "startsAt": "2026-03-01T00:00:00Z"}', "line 2, startsAt", "second time"),
        ('{"labels": {"a": "b"}, "starts_at": "yesterday"}', "line 2, starts_at", "RFC 3339"),
        ('{"labels": {"a": "b"}, "starts_at": "2026-03-01T00:00:00"}', "line 2, starts_at", "RFC 3339"),
        ('{"labels": {"a": "b"}, "ends_at": 1767225600}', "line 2, ends_at", "RFC 3339"),
        ('{"labels": {"a": "b"}, "starts_at": "2026-03-02T00:00:00Z", "ends_at": "2026-03-01T00:00:00Z"}', "line 2, ends_at", "before"),
        ('{"labels": {"a": "\\ud800"}}', 'line 2, labels["a"]', "surrogate"),
        ('{"labels": {"a": "b"}, "key": 7}', "line 2, key", "double quotes"),
        (f'{{"labels": {{"a": "b"}}, "key": "{"k" * 256}"}}', "line 2, key", "255"),
        ("[1]", "line 2", "not an object"),
        ("nonsense", "line 2", "column 1"),
        ("[" * 100_000, "line 2", "nested too deeply"),
    ],
)
def test_a_malformed_line_is_named_with_field_rule_and_remedy(line: str, field: str, says: str) -> None:
    found = faults(f"{GOOD}\n{line}\n{GOOD}\n")
    assert [each.field for each in found] == [field]
    assert says in found[0].description


def test_every_malformed_line_is_named_not_only_the_first() -> None:
    assert fields(f'{{"labels": {{}}}}\n{GOOD}\nnonsense\n{{"lables": {{}}}}') == ["line 1, labels", "line 3", "line 4, lables"]


def test_a_file_full_of_faults_shows_the_first_of_them_and_their_number() -> None:
    with pytest.raises(InvalidInput, match="faults; the first") as refused:
        read("nonsense\n" * (MOST_VIOLATIONS + 5))
    assert len(refused.value.violations) == MOST_VIOLATIONS
    assert f"{MOST_VIOLATIONS + 5} faults" in refused.value.message


def test_an_array_that_breaks_off_is_named_by_line_and_column() -> None:
    assert fields(f"[{GOOD},\n{GOOD}") == ["line 2"]
    assert fields(f"[{GOOD},\n]") == ["line 2"]
    assert fields(f"[{GOOD}]\n{GOOD}") == ["line 2"]


@pytest.mark.parametrize("text", ["", "\n \n", "[]"])
def test_a_file_without_an_alert_is_refused(text: str) -> None:
    assert fields(text) == ["file"]


def test_bytes_that_are_not_utf8_are_named_by_their_line() -> None:
    with pytest.raises(InvalidInput) as refused:
        read_reports(f"{GOOD}\n".encode() + b'{"labels": {"a": "\xff"}}', NOW)
    assert [each.field for each in refused.value.violations] == ["line 2"]


def test_a_byte_order_mark_is_no_fault() -> None:
    assert len(read("\ufeff" + GOOD)) == 1


strings = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.dictionaries(strings.filter(bool), strings, min_size=1, max_size=3), min_size=1, max_size=5))
def test_array_and_lines_say_the_same(labels: list[dict[str, str]]) -> None:
    alerts = [{"labels": each} for each in labels]
    lines = read("\n".join(json.dumps(each) for each in alerts))
    array = read(json.dumps(alerts, ensure_ascii=False, indent=1))
    assert [each.report for each in lines] == [each.report for each in array]
    assert [dict(each.report.labels) for each in lines] == labels


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_but_never_breaks_the_reader(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        assert read_reports(text.encode("utf-8", "surrogatepass"), NOW)


def test_batches_hold_at_most_500_reports() -> None:
    located = [LocatedReport(1, AlertReport(labels={"a": "b"}))] * (2 * BATCH_COUNT + 1)
    assert [len(each) for each in batches(located)] == [BATCH_COUNT, BATCH_COUNT, 1]


def test_batches_stay_below_what_a_server_takes() -> None:
    large = AlertReport(labels={"a": "b"}, annotations={str(number): "x" * 8192 for number in range(32)})
    cut = list(batches([LocatedReport(1, large)] * 100))
    assert sum(len(each) for each in cut) == 100
    assert max(sum(report.report.ByteSize() for report in each) for each in cut) <= BATCH_BYTES
