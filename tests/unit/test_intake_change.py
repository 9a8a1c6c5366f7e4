"""Changes without a store: what reports of one change make of it, in any order, and which changes are evidence of an incident."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.change import (
    LONGEST,
    Change,
    ChangeKind,
    ChangeOutcome,
    ChangeReport,
    begun,
    change_id_of,
    check_change,
    continued,
    line_of,
    recent_changes,
)
from services.intake.domain.publication import waves
from tests.conftest import START

ID = uuid.UUID(int=1)


def at(seconds: float | None) -> datetime | None:
    return None if seconds is None else START + timedelta(seconds=seconds)


def told(
    begin: float | None = None, end: float | None = None, outcome: ChangeOutcome = ChangeOutcome.SUCCEEDED, **fields: str
) -> ChangeReport:
    return ChangeReport("run", ChangeKind.DEPLOY, ("checkout",), started_at=at(begin), finished_at=at(end), outcome=outcome, **fields)


def made_of(reports: Sequence[ChangeReport], now: datetime = START) -> Change:
    change = begun(reports[0], ID, "ci", now)
    for each in reports[1:]:
        change = continued(change, each, now)
    return change


@pytest.mark.parametrize(
    ("report", "started", "finished", "outcome"),
    [
        (told(), 0, 0, ChangeOutcome.SUCCEEDED),
        (told(-60), -60, -60, ChangeOutcome.SUCCEEDED),
        (told(None, -60), -60, -60, ChangeOutcome.SUCCEEDED),
        (told(-60, -30, ChangeOutcome.FAILED), -60, -30, ChangeOutcome.FAILED),
        (told(-60, None, ChangeOutcome.UNDER_WAY), -60, None, ChangeOutcome.UNDER_WAY),
        (told(None, None, ChangeOutcome.UNDER_WAY), 0, None, ChangeOutcome.UNDER_WAY),
    ],
)
def test_what_a_report_leaves_out_is_filled_in(
    report: ChangeReport, started: float, finished: float | None, outcome: ChangeOutcome
) -> None:
    change = made_of([report])
    assert (change.started_at, change.finished_at, change.outcome) == (at(started), at(finished), outcome)


def test_the_report_of_the_end_completes_that_of_the_begin() -> None:
    begin = told(-60, None, ChangeOutcome.UNDER_WAY, summary="rolling out", author="ada")
    end = told(None, -10, ChangeOutcome.FAILED, artifact="1.42")
    change = made_of([begin, end])
    assert (change.version, change.started_at, change.finished_at, change.outcome) == (2, at(-60), at(-10), ChangeOutcome.FAILED)
    assert (change.summary, change.author, change.artifact) == ("rolling out", "ada", "1.42")


def test_an_end_without_a_time_is_now_for_what_was_under_way_and_nothing_new_for_what_was_over() -> None:
    change = made_of([told(-60, None, ChangeOutcome.UNDER_WAY), told()])
    assert (change.started_at, change.finished_at) == (at(-60), START)
    assert continued(change, told(), START + timedelta(hours=1)) is change


EVERY = st.builds(
    lambda begin, length, outcome: told(begin, None if outcome is ChangeOutcome.UNDER_WAY else begin + length, outcome),
    st.integers(-500, 0),
    st.integers(0, 100),
    st.sampled_from(ChangeOutcome),
)


@given(st.lists(EVERY, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_reports_in_any_order_and_any_number_of_times_end_in_the_same_change(reports: list[ChangeReport], random: object) -> None:
    def essence(change: Change) -> tuple[object, ...]:
        return change.started_at, change.finished_at, change.outcome, change.components

    shuffled = reports * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert essence(made_of(reports)) == essence(made_of(shuffled))


@given(st.lists(EVERY, min_size=1, max_size=6))
def test_a_report_told_again_changes_nothing(reports: list[ChangeReport]) -> None:
    change = made_of(reports)
    again = continued(change, reports[-1], START)
    assert again == change


@pytest.mark.parametrize(
    ("begin", "end", "components", "is_evidence"),
    [
        (-3600, -3600, ("checkout",), True),
        (-3601, -3601, ("checkout",), False),
        (-9000, -3600, ("checkout",), True),
        (-9000, 9000, ("checkout",), True),
        (0, 0, ("checkout",), True),
        (1, 1, ("checkout",), False),
        (-60, -60, ("search",), False),
        (-60, -60, ("search", "checkout"), True),
        (-60, -60, (), False),
    ],
)
def test_a_change_is_evidence_when_it_went_on_within_the_hour_before(
    begin: float, end: float, components: tuple[str, ...], is_evidence: bool
) -> None:
    change = made_of([told(begin, end)])
    assert recent_changes([change], components, START) == ([change] if is_evidence else [])


def test_a_change_whose_end_nobody_tells_counts_as_under_way_for_a_day() -> None:
    change = made_of([told(0, None, ChangeOutcome.UNDER_WAY)])
    hour = timedelta(hours=1)
    assert recent_changes([change], ["checkout"], START + LONGEST + hour) == [change]
    assert recent_changes([change], ["checkout"], START + LONGEST + hour + timedelta(seconds=1)) == []


def test_the_last_begun_comes_first() -> None:
    changes = [made_of([told(begin)]) for begin in (-30, -10, -20)]
    assert recent_changes(changes, ["checkout"], START) == [changes[1], changes[2], changes[0]]


@pytest.mark.parametrize(
    ("report", "field"),
    [
        (told(601), "started_at"),
        (told(None, 601), "finished_at"),
        (told(-366 * 20 * 86400 - 1), "started_at"),
        (told(-10, -20), "finished_at"),
        (told(None, -20, ChangeOutcome.UNDER_WAY), "finished_at"),
    ],
)
def test_times_that_cannot_be_true_are_refused(report: ChangeReport, field: str) -> None:
    refusal = check_change(report, "changes[3]", START)
    assert refusal is not None
    assert (refusal.reason, refusal.field) == ("CHANGE_TIME_INVALID", f"changes[3].{field}")


@pytest.mark.parametrize("report", [told(600), told(-366 * 20 * 86400), told(-20, -20), told()])
def test_times_at_the_edge_are_taken(report: ChangeReport) -> None:
    assert check_change(report, "x", START) is None


def test_a_change_reads_as_one_line() -> None:
    change = made_of([told(-60, -30, ChangeOutcome.FAILED, artifact="1.42", summary="new\ncheckout", author="ada")])
    assert line_of(change) == f"deploy of checkout 1.42 failed: new checkout (changes/{ID}, by ada)"


def test_what_is_about_the_same_comes_in_different_waves_in_its_order() -> None:
    assert waves([("a", 1), ("b", 2), ("a", 3), ("a", 4), ("b", 5)]) == [[1, 2], [3], [4, 5]]
    assert waves([]) == []


@pytest.mark.parametrize("ref", ["", "changes/41", f"components/{ID}", f"changes/{ID}/x", f"xchanges/{ID}", str(ID)])
def test_only_the_name_of_a_change_has_its_id(ref: str) -> None:
    assert change_id_of(f"changes/{ID}") == ID
    assert change_id_of(ref) is None
