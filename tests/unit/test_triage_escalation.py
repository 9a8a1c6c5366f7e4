"""Escalation: who is about to miss a target, by how long those of the class lasted."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.escalation import EscalationRule, OpenIncident, PastIncident, RestoreForecast, forecast
from services.triage.domain.severity import Severity
from tests.support.triage import MONDAY_NOON

RULE = EscalationRule(at_chance=0.5, at_share=0.75)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
lengths = st.lists(st.none() | st.floats(0, 300), max_size=20)
OPEN = OpenIncident("incidents/1", UUID(int=1), "class", Severity.SEV2, MONDAY_NOON, HOUR)


def past(*minutes: float | None) -> list[PastIncident]:
    """Incidents that each began an hour after the one before, the last one two days ago; None: still open."""
    begins = [MONDAY_NOON - timedelta(days=2) - HOUR * number for number in range(len(minutes))]
    return [PastIncident(begin, None if length is None else begin + length * MINUTE) for begin, length in zip(begins, minutes, strict=True)]


def after(minutes: float, history: Sequence[PastIncident]) -> RestoreForecast:
    return forecast(OPEN, history, MONDAY_NOON + minutes * MINUTE)


def reason(minutes: float, history: Sequence[PastIncident]) -> str:
    return after(minutes, history).reason_to_escalate(RULE, OPEN.restore_target)


def test_the_chance_grows_as_the_short_ones_drop_out() -> None:
    history = past(5, 10, 15, 20, 25, 90, 95, 100, 110, 120)
    assert after(0, history).miss_chance.value == 0.5
    assert after(22, history).miss_chance.value == 5 / 6
    assert after(22, history).miss_chance.count == 6
    assert "50% of those like it took longer than the time to restore allows, 1 h (" in reason(0, history)


def test_one_whose_class_ends_in_time_is_left_alone_until_its_time_has_passed() -> None:
    history = past(*range(5, 55, 5), 58)
    assert reason(45, past(*range(50, 58))) == ""
    assert reason(10, history) == ""
    assert reason(60, history) == "The time to restore, 1 h, has passed."


def test_without_a_history_the_share_of_the_time_decides_and_it_says_so() -> None:
    assert reason(44, past(5, 10)) == ""
    told = reason(45, past(5, 10))
    assert told.startswith("75% of the time to restore, 1 h, is gone; 0 incidents of the history lasted longer")


def test_an_incident_still_open_counts_as_lasting_at_least_so_long() -> None:
    ended, with_open = past(5, 10, 15, 20, 25, 30), past(5, 10, 15, 20, 25, 30, None, None, None, None)
    assert after(0, ended).miss_chance.value == 0
    told = after(0, with_open).miss_chance
    assert (told.value, told.censored_count) == (0.4, 4)


def test_what_began_later_and_what_ended_later_are_not_known_yet() -> None:
    later = [PastIncident(MONDAY_NOON + MINUTE, MONDAY_NOON + 2 * MINUTE)] * 10
    assert after(5, later).miss_chance.count == 0
    unended = [PastIncident(MONDAY_NOON - HOUR, MONDAY_NOON + HOUR)] * 5
    assert after(5, unended).miss_chance.censored_count == 5


@given(lengths.flatmap(lambda told: st.tuples(st.just(told), st.permutations(range(len(told))))))
def test_the_order_of_the_history_does_not_matter(drawn: tuple[list[float | None], list[int]]) -> None:
    minutes, order = drawn
    history = past(*minutes)
    assert after(30, [history[at] for at in order]) == after(30, history)


@given(lengths)
def test_from_its_target_on_every_incident_is_escalated(minutes: list[float | None]) -> None:
    assert reason(60, past(*minutes))
    assert after(60, past(*minutes)).miss_chance.value == 1
