"""Alerts: the identity of a signal, and what a report of it means given what is known."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.alert import Disposition, Effect, KnownAlert, effect_of, fingerprint_of, stamp_of, time_fault
from services.intake.domain.episode import Episode

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SIGNAL = UUID(int=1)
LABELS = st.dictionaries(st.text(max_size=4), st.text(max_size=4), min_size=1, max_size=4)


REJOIN = timedelta(seconds=15)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def maybe(seconds: float | None) -> datetime | None:
    return None if seconds is None else at(seconds)


def known(starts: tuple[float, ...], ends: tuple[float, ...] = ()) -> KnownAlert:
    life = Episode(tuple(map(at, starts)), tuple(map(at, ends)))
    return KnownAlert(UUID(int=2), UUID(int=3), Disposition.GROUPED, life, 0)


@given(LABELS, st.data())
def test_the_order_of_labels_does_not_matter(labels: dict[str, str], data: st.DataObject) -> None:
    shuffled = dict(data.draw(st.permutations(list(labels.items()))))
    assert fingerprint_of("a", "", shuffled) == fingerprint_of("a", "", labels)


@given(LABELS, LABELS)
def test_other_labels_are_another_signal(some: dict[str, str], others: dict[str, str]) -> None:
    assert (fingerprint_of("a", "", some) == fingerprint_of("a", "", others)) == (some == others)


def test_where_a_name_ends_and_a_value_begins_matters() -> None:
    assert fingerprint_of("s", "", {"a": "bc"}) != fingerprint_of("s", "", {"ab": "c"})
    assert fingerprint_of("s", "", {"a": "b", "c": "d"}) != fingerprint_of("s", "", {"a": 'b","c":"d'})


def test_labels_are_the_same_signal_whoever_sends_them() -> None:
    assert fingerprint_of("first", "", {"a": "b"}) == fingerprint_of("second", "", {"a": "b"})


def test_a_key_counts_within_its_source_only() -> None:
    assert fingerprint_of("first", "k", {"a": "b"}) != fingerprint_of("second", "k", {"a": "b"})


def test_with_a_key_labels_may_change() -> None:
    assert fingerprint_of("first", "k", {"a": "b"}) == fingerprint_of("first", "k", {"a": "c"})


def test_source_and_key_do_not_run_together() -> None:
    assert fingerprint_of("ab", "c", {}) != fingerprint_of("a", "bc", {})


def test_a_key_is_never_the_same_as_labels() -> None:
    assert fingerprint_of("s", "k", {"key": "s"}) != fingerprint_of("s", "", {"key": "s"})


def test_a_fingerprint_stays_what_it_is() -> None:
    """Alerts in the database are found by it: a release that changed it would open every firing alert again."""
    assert fingerprint_of("s", "", {"component": "web", "alertname": "Slow"}) == UUID("f572263d-a9d2-1977-3aca-df89d8691c84")
    assert fingerprint_of("s", "42", {}) == UUID("f896ac25-6266-dfea-ad27-bbe82e341c68")


@pytest.mark.parametrize(
    ("held", "starts", "ends", "effect"),
    [
        pytest.param(known((0,)), 0, None, Effect.REPEAT, id="the same firing again is a repeat"),
        pytest.param(known((0,)), None, None, Effect.REPEAT, id="a firing that does not say when it began is a repeat while it fires"),
        pytest.param(known((0,)), 50, None, Effect.NOTE, id="a replica that saw it later is remembered"),
        pytest.param(known((0,)), -50, None, Effect.REVISE, id="a replica that saw it earlier changes its begin"),
        pytest.param(known((0,)), 0, 60, Effect.RESOLVE, id="its end resolves it"),
        pytest.param(known((0,)), None, 60, Effect.RESOLVE, id="a bare end resolves it"),
        pytest.param(known((0, 50)), 0, 60, Effect.RESOLVE, id="one end ends what several replicas told"),
        pytest.param(known((0, 50)), 0, 40, Effect.REVISE, id="an end between two begins parts them"),
        pytest.param(known((0,)), -90, -60, Effect.REVISE, id="the whole of an earlier firing that comes late is read again"),
        pytest.param(known((0,), (60,)), 0, 60, Effect.STALE, id="an end told twice is stale"),
        pytest.param(known((0,), (60,)), 0, None, Effect.STALE, id="a firing told again after its end is stale"),
        pytest.param(known((0,), (60,)), 60, None, Effect.REVISE, id="a firing that begins when the last one ended belongs to that one"),
        pytest.param(known((0,), (60,)), 75, None, Effect.REFIRE, id="one that begins soon after the end goes on with the same alert"),
        pytest.param(known((0,), (60,)), 76, None, Effect.RENEW, id="one that begins later is another alert"),
        pytest.param(known((0,), (60,)), 76, 90, Effect.RENEW, id="the whole of a later firing is another alert, over by now"),
        pytest.param(known((0,), (60,)), 75, 90, Effect.REVISE, id="the whole of one soon after the end goes on with the same alert"),
        pytest.param(known((0,), (60,)), 0, 90, Effect.REVISE, id="a later end of what is over moves its end"),
    ],
)
def test_a_report_means_what_its_times_say(held: KnownAlert, starts: float | None, ends: float | None, effect: Effect) -> None:
    assert effect_of(held, maybe(starts), maybe(ends), at(100), REJOIN) is effect


def test_a_firing_without_a_begin_after_the_end_begins_now() -> None:
    assert effect_of(known((0,), (60,)), None, None, at(70), REJOIN) is Effect.REFIRE
    assert effect_of(known((0,), (60,)), None, None, at(100), REJOIN) is Effect.RENEW


@pytest.mark.parametrize(
    ("starts", "ends", "field"),
    [
        pytest.param(0, None, None, id="now is fine"),
        pytest.param(600, None, None, id="clocks may differ by ten minutes"),
        pytest.param(601, None, "starts_at", id="but not by more"),
        pytest.param(0, 601, "ends_at", id="the end neither"),
        pytest.param(-86_400 * 2 - 1, None, "starts_at", id="older than the window"),
        pytest.param(60, 30, "ends_at", id="an end before the begin"),
        pytest.param(30, 30, None, id="an end at the begin is an instant"),
    ],
)
def test_times_that_cannot_be_true_are_refused_by_field(starts: float | None, ends: float | None, field: str | None) -> None:
    fault = time_fault(maybe(starts), maybe(ends), NOW, timedelta(days=2))
    assert (fault.field if fault else None) == field


@given(st.binary(max_size=64), st.binary(max_size=64), st.text(max_size=16))
def test_a_stamp_fits_where_it_is_stored_and_is_the_same_for_the_same_text(labels: bytes, annotations: bytes, url: str) -> None:
    stamp = stamp_of(labels, annotations, url)
    assert 0 <= stamp < 2**63
    assert stamp == stamp_of(labels, annotations, url)


def test_a_stamp_changes_with_each_text() -> None:
    stamps = {
        stamp_of(b"a", b"b", "c"),
        stamp_of(b"x", b"b", "c"),
        stamp_of(b"a", b"x", "c"),
        stamp_of(b"a", b"b", "x"),
        stamp_of(b"a", b"b", ""),
    }
    assert len(stamps) == 5
