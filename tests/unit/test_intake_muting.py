"""Muting: the compiled set answers as trying everything would, and explains itself."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain import matcher_index
from services.intake.domain.inhibition import FiringSource
from services.intake.domain.maintenance_window import cancel
from services.intake.domain.matcher import Matcher, Matchers, Operator, accept
from services.intake.domain.matcher_index import MatcherIndex
from services.intake.domain.muting import EMPTY, MOST_EXPLAINED, MuteKind, MuteSet, Subject
from tests.conftest import START
from tests.support.muting import rule, rules, silence, window

HOUR = timedelta(hours=1)
TEN = START + HOUR
CHECKOUT = {"component": "checkout", "alertname": "Slow", "severity": "page"}

LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "x", "y", "xy", "x.y"]), max_size=3)
VALUES = st.sampled_from(["", "x", "y", "x|y", "x|", "x.*", ".*y", ".+", "x.y", "[xy]+", ".*"])
MATCHERS = st.lists(st.builds(Matcher, st.sampled_from("abc"), st.sampled_from(Operator), VALUES), min_size=1, max_size=3).map(tuple)


@given(st.lists(MATCHERS, max_size=8), LABELS)
def test_the_index_finds_exactly_what_trying_each_would_find(sets: list[Matchers], labels: dict[str, str]) -> None:
    index = MatcherIndex([(matchers, number) for number, matchers in enumerate(sets)])
    assert sorted(index.matching(labels)) == [number for number, matchers in enumerate(sets) if accept(matchers, labels)]


def test_the_index_finds_among_many_regexes_of_one_label() -> None:
    sets: list[Matchers] = [(Matcher("host", Operator.MATCHES, f"web-{number}(\\..*)?"),) for number in range(350)]
    index = MatcherIndex(list(zip(sets, range(350), strict=True)))
    assert [index.matching({"host": f"web-{number}.eu"}) for number in (0, 99, 100, 349, 350)] == [[0], [99], [100], [349], []]


def test_regexes_that_are_too_large_together_are_tried_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matcher_index, "_SET_MEMORY", 8 << 20)
    sets: list[Matchers] = [(Matcher("host", Operator.MATCHES, f"[\\pL-]{{1,20}}-{number}"),) for number in range(24)]
    index = MatcherIndex(list(zip(sets, range(24), strict=True)))
    assert [index.matching({"host": f"wëb-{number}"}) for number in (0, 11, 12, 23, 24)] == [[0], [11], [12], [23], []]


def test_nothing_configured_mutes_nothing() -> None:
    assert EMPTY.mute_of(CHECKOUT, START) is None
    assert not EMPTY
    assert EMPTY.inhibit_targets(CHECKOUT) == EMPTY.inhibit_sources(CHECKOUT) == ()
    assert not EMPTY.is_source(CHECKOUT)
    assert EMPTY.explain(CHECKOUT, START) == EMPTY.explain({}, START)


def test_a_silence_mutes_what_matches_while_it_holds() -> None:
    one = silence("component=checkout", 60, 120)
    muting = MuteSet([one])
    found = muting.mute_of(CHECKOUT, START + timedelta(seconds=60))
    assert found is not None
    assert (found.kind, found.name, found.version, found.reason, found.ends_at) == (
        MuteKind.SILENCE, one.name, 1, one.reason, START + timedelta(seconds=120),
    )  # fmt: skip
    assert muting.mute_of(CHECKOUT, START + timedelta(seconds=59)) is None
    assert muting.mute_of(CHECKOUT, START + timedelta(seconds=120)) is None
    assert muting.mute_of({"component": "search"}, START + timedelta(seconds=60)) is None


def test_a_window_mutes_until_the_occurrence_ends() -> None:
    one = window("FREQ=DAILY;COUNT=3")
    found = MuteSet([one]).mute_of(CHECKOUT, TEN + timedelta(days=1))
    assert found is not None
    assert (found.kind, found.name, found.ends_at) == (MuteKind.MAINTENANCE_WINDOW, one.name, TEN + timedelta(days=1, hours=2))
    assert MuteSet([cancel(one, "", "ada", START)]).mute_of(CHECKOUT, TEN) is None


def test_of_several_a_window_is_told_first_then_what_ends_last() -> None:
    short, long = silence("component=checkout", 0, 3600 * 2), silence("severity=page", 0, 3600 * 9)
    muting = MuteSet([short, long])
    assert (found := muting.mute_of(CHECKOUT, TEN)) is not None
    assert found.name == long.name
    planned = window()
    assert (found := MuteSet([short, planned, long]).mute_of(CHECKOUT, TEN)) is not None
    assert found.name == planned.name


def test_rules_are_found_for_targets_and_sources_in_their_order() -> None:
    first, second = rule("alertname=Down", "severity!=critical", name="z"), rule('alertname=~"D.*"', "component=checkout", name="a")
    muting = MuteSet(rules=rules(first, second))
    assert muting.inhibit_targets(CHECKOUT) == (first, second)
    assert muting.inhibit_targets({"severity": "critical"}) == ()
    assert muting.inhibit_sources({"alertname": "Down"}) == (first, second)
    assert muting.is_source({"alertname": "Disk"})
    assert not muting.is_source(CHECKOUT)
    assert muting


def test_an_inhibition_names_the_rule_its_revision_and_the_alert_that_explains() -> None:
    down = rule("alertname=Down", "severity=page")
    muting = MuteSet(rules=rules(down))
    found = muting.inhibitors([FiringSource("alerts/7", {"alertname": "Down"})]).of(CHECKOUT, muting.inhibit_targets(CHECKOUT))
    assert found is not None
    mute = muting.inhibited(found)
    assert (mute.kind, mute.name, mute.version, mute.ends_at) == (MuteKind.INHIBITION, "inhibitRules/rule", 1, None)
    assert "alerts/7" in mute.reason


# Explanations.


def test_every_mute_is_explained_the_one_that_counts_first() -> None:
    one, other = silence("component=checkout", 0, 3600 * 3), window()
    found = MuteSet([one, other, silence("component=search")]).explain(CHECKOUT, TEN)
    assert [each.name for each in found.mutes] == [other.name, one.name]
    assert found.near_misses == ()


def test_a_near_miss_names_the_one_matcher_that_failed_and_the_value_it_met() -> None:
    near, far = silence("component=checkout,severity=~warning"), silence("component=search,severity=warning")
    (found,) = MuteSet([near, far, silence("component=search")]).explain(CHECKOUT, START).near_misses
    assert (found.name, found.matcher, found.value) == (near.name, Matcher("severity", Operator.MATCHES, "warning"), "page")


def near_times(at: datetime) -> list[tuple[datetime | None, datetime | None]]:
    subjects: list[Subject] = [silence("component=checkout", 60, 120), window("FREQ=DAILY;COUNT=2")]
    return [(each.starts_at, each.ends_at) for each in MuteSet(subjects).explain(CHECKOUT, at).near_misses]


def test_what_matches_at_another_time_is_told_with_the_next_time_or_the_last() -> None:
    minute, day = timedelta(minutes=1), timedelta(days=1)
    assert near_times(START) == [(START + minute, START + 2 * minute), (TEN, TEN + 2 * HOUR)]
    assert near_times(TEN + 3 * HOUR) == [(START + minute, START + 2 * minute), (TEN + day, TEN + day + 2 * HOUR)]
    assert near_times(datetime.min.replace(tzinfo=UTC)) == near_times(START)
    assert near_times(TEN + 3 * day)[1] == (TEN + day, TEN + day + 2 * HOUR)


def test_an_explanation_is_bounded() -> None:
    many = [silence("component=checkout") for _ in range(30)] + [silence("component=checkout,severity=info") for _ in range(30)]
    found = MuteSet(many).explain(CHECKOUT, START)
    assert (len(found.mutes), len(found.near_misses)) == (MOST_EXPLAINED, MOST_EXPLAINED)
