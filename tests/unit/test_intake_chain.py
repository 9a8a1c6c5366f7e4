"""Chains: which alerts are one incident depends on when they fired, and on nothing else."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.chain import Span, assign, chains

ZERO = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
QUIET = timedelta(seconds=30)
INCIDENTS = [UUID(int=1000 + number) for number in range(4)]


def at(second: int) -> datetime:
    return ZERO + timedelta(seconds=second)


def span(number: int, begin: int, end: int | None, incident: UUID | None = None) -> Span:
    return Span(UUID(int=number), incident, at(begin), None if end is None else at(end))


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    count = draw(st.integers(1, 8))
    found = []
    for number in range(count):
        begin = draw(st.integers(0, 300))
        end = draw(st.one_of(st.none(), st.integers(0, 80).map(lambda length, begin=begin: begin + length)))  # type: ignore[misc]
        found.append(span(number, begin, end, draw(st.sampled_from([None, *INCIDENTS]))))
    return found


def partition(found: Sequence[Sequence[Span]]) -> set[frozenset[int]]:
    return {frozenset(each.alert_id.int for each in chain) for chain in found}


@given(spans(), st.randoms(use_true_random=False))
def test_the_order_in_which_alerts_are_told_does_not_matter(told: list[Span], chance: random.Random) -> None:
    shuffled = list(told)
    chance.shuffle(shuffled)
    assert chains(shuffled, QUIET) == chains(told, QUIET)


@given(spans(), st.sampled_from([0, 1, 30, 100]))
def test_two_alerts_are_in_one_chain_exactly_where_gaps_of_at_most_the_quiet_period_connect_them(told: list[Span], quiet: int) -> None:
    period = timedelta(seconds=quiet)

    def touch(one: Span, other: Span) -> bool:
        first, second = sorted((one, other), key=lambda each: each.starts_at)
        return first.ends_at is None or second.starts_at - first.ends_at <= period

    groups = [{each.alert_id.int} for each in told]
    for one in told:
        for other in told:
            if touch(one, other):
                joined = [group for group in groups if {one.alert_id.int, other.alert_id.int} & group]
                groups = [group for group in groups if group not in joined] + [set().union(*joined)]
    assert partition(chains(told, period)) == {frozenset(group) for group in groups}


@given(spans())
def test_every_alert_is_in_one_chain(told: list[Span]) -> None:
    found = [each.alert_id for chain in chains(told, QUIET) for each in chain]
    assert sorted(found) == sorted(each.alert_id for each in told)


@pytest.mark.parametrize(("begin", "count"), [(50, 1), (80, 1), (81, 2)])
def test_an_alert_joins_until_the_quiet_period_after_the_last_end_is_over(begin: int, count: int) -> None:
    assert len(chains([span(1, 0, 50), span(2, begin, 200)], QUIET)) == count


def test_whatever_begins_while_an_alert_fires_is_of_its_chain() -> None:
    assert len(chains([span(1, 0, None), span(2, 9999, 10_000), span(3, 20_000, None)], timedelta(0))) == 1


def test_a_long_alert_connects_what_short_ones_do_not() -> None:
    assert len(chains([span(1, 0, 100), span(2, 10, 20), span(3, 90, 95)], timedelta(0))) == 1


def test_nothing_makes_no_chain() -> None:
    assert chains([], QUIET) == []


@given(spans())
def test_an_incident_is_given_to_one_chain_at_most_and_to_one_that_held_it(told: list[Span]) -> None:
    found = chains(told, QUIET)
    names = assign(found, {each: at(number) for number, each in enumerate(INCIDENTS)})
    given_names = [each for each in names if each is not None]
    assert len(given_names) == len(set(given_names))
    for chain, name in zip(found, names, strict=True):
        assert name is None or name in {each.incident_id for each in chain}


@given(spans())
def test_a_chain_gets_a_new_incident_only_where_others_took_all_it_had(told: list[Span]) -> None:
    found = chains(told, QUIET)
    names = assign(found, {each: at(number) for number, each in enumerate(INCIDENTS)})
    for place, (chain, name) in enumerate(zip(found, names, strict=True)):
        if name is None:
            assert {each.incident_id for each in chain} - {None} <= set(names[:place])


def test_of_several_incidents_the_one_opened_first_keeps_its_name() -> None:
    older, younger = INCIDENTS[:2]
    found = chains([span(1, 0, None, younger), span(2, 10, None, older)], QUIET)
    assert assign(found, {older: at(0), younger: at(5)}) == [older]


def test_an_incident_whose_alerts_part_stays_with_the_earliest() -> None:
    one = INCIDENTS[0]
    found = chains([span(1, 0, 10, one), span(2, 500, None, one)], QUIET)
    assert assign(found, {one: at(0)}) == [one, None]
