"""Silences: when they hold, how they are changed, and what is refused."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.intake.domain.errors import MatchersRefused, MutingRefused, SilenceOver
from services.intake.domain.matcher_text import parse_matchers
from services.intake.domain.silence import SilenceChange, SilenceEdit, SilenceState, check_silence, edit, expire, state_of
from tests.conftest import START
from tests.support.muting import silence

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


def test_a_silence_holds_from_its_begin_until_just_before_its_end() -> None:
    one = silence("a=x", begin=60, end=120)
    states = [state_of(one, START + timedelta(seconds=each)) for each in (0, 59, 60, 119, 120)]
    pending, active, expired = SilenceState.PENDING, SilenceState.ACTIVE, SilenceState.EXPIRED
    assert states == [pending, pending, active, active, expired]


def test_an_edit_makes_the_next_version_and_tells_who_and_why() -> None:
    one = silence("a=x")
    after = edit(one, SilenceEdit(ends_at=START + 2 * HOUR), "the part is late", "grace", START + SECOND)
    assert (after.version, after.ends_at, after.change, after.changed_by) == (2, START + 2 * HOUR, SilenceChange.EDITED, "grace")
    assert (after.author, after.reason, after.change_reason, after.updated_at) == ("ada", one.reason, "the part is late", START + SECOND)
    assert (after.id, after.matchers, after.starts_at, after.created_at) == (one.id, one.matchers, one.starts_at, START)


def test_an_edit_that_changes_nothing_makes_no_version() -> None:
    one = silence("a=x")
    assert edit(one, SilenceEdit(one.matchers, one.starts_at, one.ends_at, one.reason), "?", "grace", START + SECOND) is one


def test_a_reason_for_no_change_is_refused_with_what_may_change() -> None:
    one = silence("a=x")
    with pytest.raises(MutingRefused, match=r"change_reason: .* change matchers, starts_at, ends_at or reason with it"):
        edit(one, SilenceEdit(), "the part is late", "grace", START + SECOND)
    assert edit(one, SilenceEdit(), "", "grace", START + SECOND) is one


def test_the_begin_of_what_has_begun_cannot_be_changed() -> None:
    with pytest.raises(MutingRefused) as error:
        edit(silence("a=x"), SilenceEdit(starts_at=START + SECOND), "", "ada", START + SECOND)
    assert error.value.violations[0].field == "starts_at"


def test_what_has_not_begun_may_begin_at_another_time_though_not_in_the_past() -> None:
    pending = silence("a=x", begin=600)
    assert edit(pending, SilenceEdit(starts_at=START - HOUR), "", "ada", START + SECOND).starts_at == START + SECOND
    assert edit(pending, SilenceEdit(starts_at=START + HOUR / 2), "", "ada", START).starts_at == START + HOUR / 2


def test_an_edit_is_checked_like_a_new_one() -> None:
    with pytest.raises(MutingRefused):
        edit(silence("a=x"), SilenceEdit(ends_at=START - SECOND), "", "ada", START)
    with pytest.raises(MatchersRefused):
        edit(silence("a=x"), SilenceEdit(matchers=()), "", "ada", START)


def test_ending_it_early_ends_it_now() -> None:
    after = expire(silence("a=x"), "mended", "grace", START + SECOND)
    assert (after.version, after.ends_at, after.change, after.change_reason) == (2, START + SECOND, SilenceChange.EXPIRED, "mended")
    assert state_of(after, START + SECOND) is SilenceState.EXPIRED


def test_one_ended_before_it_began_never_holds() -> None:
    after = expire(silence("a=x", begin=600), "", "ada", START)
    assert {state_of(after, START + timedelta(seconds=each)) for each in (0, 600, 1000)} == {SilenceState.EXPIRED}
    assert (after.starts_at, after.ends_at) == (START, START)


def test_what_is_over_cannot_be_changed() -> None:
    over = silence("a=x", begin=-60, end=-1)
    with pytest.raises(SilenceOver):
        edit(over, SilenceEdit(reason="again"), "", "ada", START)
    with pytest.raises(SilenceOver):
        expire(over, "", "ada", START)


@pytest.mark.parametrize(
    ("begin", "end", "reason", "field"),
    [
        (0, 0, "r", "ends_at"),
        (60, 30, "r", "ends_at"),
        (-60, -1, "r", "ends_at"),
        (0, 30 * 86_400 + 1, "r", "ends_at"),
        (365 * 86_400 + 1, 365 * 86_400 + 60, "r", "starts_at"),
        (0, 60, "", "reason"),
        (0, 60, " \n", "reason"),
        (0, 60, "x" * 2001, "reason"),
        (0, 60, "a\0b", "reason"),
    ],
)
def test_a_silence_out_of_bounds_is_refused_by_field(begin: float, end: float, reason: str, field: str) -> None:
    with pytest.raises(MutingRefused) as error:
        check_silence(silence("a=x", begin, end, reason=reason), START)
    assert [each.field for each in error.value.violations] == [field]


def test_every_field_at_fault_is_named() -> None:
    with pytest.raises(MutingRefused) as error:
        check_silence(silence("a=x", 0, 0, reason=""), START)
    assert [each.field for each in error.value.violations] == ["ends_at", "reason"]


def test_the_longest_silence_allowed_is_allowed() -> None:
    one = silence("a=x", 0, 30 * 86_400, reason="x" * 2000)
    check_silence(one, START)
    check_silence(replace(one, matchers=parse_matchers('a=~".+"', "m")), START)
