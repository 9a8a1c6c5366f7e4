"""The circuit breaker of the cache: when it lets calls through, and what ends an outage."""

from shared.cache.outage import Outage


def test_a_well_cache_is_always_tried() -> None:
    outage = Outage(pause_seconds=1.0)
    assert all(outage.allows(now) for now in (0.0, 0.1, 0.1))


def test_after_a_failure_nobody_tries_during_the_pause() -> None:
    outage = Outage(pause_seconds=1.0)
    outage.begin(10.0)
    assert outage.is_on
    assert not outage.allows(10.0)
    assert not outage.allows(10.99)


def test_after_the_pause_one_caller_tries_and_the_others_go_on_skipping() -> None:
    outage = Outage(pause_seconds=1.0)
    outage.begin(10.0)
    assert [outage.allows(11.0), outage.allows(11.0), outage.allows(11.9)] == [True, False, False]
    assert outage.allows(12.0)


def test_an_outage_begins_once_however_many_calls_fail() -> None:
    outage = Outage()
    assert [outage.begin(1.0), outage.begin(1.1), outage.begin(5.0)] == [True, False, False]


def test_a_success_after_the_outage_began_ends_it() -> None:
    outage = Outage(pause_seconds=1.0)
    outage.begin(10.0)
    assert outage.end(started=11.0)
    assert not outage.is_on
    assert outage.begin(12.0)


def test_a_call_under_way_when_the_outage_began_does_not_end_it() -> None:
    outage = Outage(pause_seconds=1.0)
    outage.begin(10.0)
    assert not outage.end(started=9.9)
    assert outage.is_on


def test_a_success_of_a_well_cache_is_no_news() -> None:
    assert not Outage().end(started=1.0)
