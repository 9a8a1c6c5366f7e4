"""The life of a heartbeat as a time-line, without a store: what stands at each moment, and what has to be told of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.heartbeat import (
    Heartbeat,
    HeartbeatState,
    Rhythm,
    Say,
    Telling,
    adjusted,
    annotations_of,
    beaten,
    check_at,
    labels_of,
    noted,
    removed,
    set_up,
    state_of,
    telling_of,
    told,
)
from tests.conftest import START

RHYTHM = Rhythm(timedelta(seconds=60), timedelta(seconds=10), "backup")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def new(rhythm: Rhythm = RHYTHM) -> Heartbeat:
    return set_up("nightly", rhythm, START)


def firing(heartbeat: Heartbeat, now: datetime) -> Heartbeat:
    """The heartbeat after its alert was told."""
    telling = telling_of(heartbeat, now)
    assert telling is not None
    before = noted(heartbeat, telling)
    return told(before, before, telling)


@pytest.mark.parametrize(
    ("beats", "now", "state"),
    [
        ([], 0, HeartbeatState.WAITING),
        ([], 69.9, HeartbeatState.WAITING),
        ([], 70, HeartbeatState.OVERDUE),
        ([30], 30, HeartbeatState.HEALTHY),
        ([30], 99.9, HeartbeatState.HEALTHY),
        ([30], 100, HeartbeatState.OVERDUE),
        ([30, 90], 100, HeartbeatState.HEALTHY),
        ([-500], 0, HeartbeatState.HEALTHY),
        ([-500], 70, HeartbeatState.OVERDUE),
    ],
)
def test_where_it_stands_depends_on_the_last_beat_and_the_time(beats: Sequence[float], now: float, state: HeartbeatState) -> None:
    heartbeat = new()
    for each in beats:
        heartbeat = beaten(heartbeat, at(each), at(max(each, 0)))
    assert state_of(heartbeat, at(now)) is state


def test_a_time_line_of_two_silences() -> None:
    heartbeat = beaten(new(), at(30), at(30))
    assert (telling_of(heartbeat, at(99)), check_at(heartbeat, at(99))) == (None, at(100))
    assert telling_of(heartbeat, at(100)) == Telling(Say.FIRING, at(90))
    heartbeat = firing(heartbeat, at(100))
    assert (telling_of(heartbeat, at(500)), check_at(heartbeat, at(500))) == (None, None)
    heartbeat = beaten(heartbeat, at(510), at(512))
    assert (telling_of(heartbeat, at(512)), check_at(heartbeat, at(512))) == (Telling(Say.RESOLVED, at(510)), at(512))
    heartbeat = told(heartbeat, heartbeat, Telling(Say.RESOLVED, at(510)))
    assert (telling_of(heartbeat, at(512)), check_at(heartbeat, at(512))) == (None, at(580))
    assert telling_of(heartbeat, at(580)) == Telling(Say.FIRING, at(570))


def test_what_was_noted_and_perhaps_told_is_told_again() -> None:
    heartbeat = noted(new(), Telling(Say.FIRING, at(60)))
    assert telling_of(heartbeat, at(200)) == Telling(Say.FIRING, at(60))
    assert telling_of(beaten(heartbeat, at(199), at(200)), at(200)) == Telling(Say.RESOLVED, at(199))


def test_what_changed_while_it_was_told_is_told_after() -> None:
    before = noted(new(), Telling(Say.FIRING, at(60)))
    relabelled = adjusted(before, replace(RHYTHM, labels={"tier": "1"}), at(80))
    assert telling_of(told(relabelled, before, Telling(Say.FIRING, at(60))), at(80)) == Telling(Say.FIRING, at(60))
    assert telling_of(told(before, before, Telling(Say.FIRING, at(60))), at(80)) is None
    ended = told(replace(before, firing_since=None), before, Telling(Say.FIRING, at(60)))
    assert ended.firing_since is None


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (lambda known: adjusted(known, replace(RHYTHM, is_paused=True), at(200)), at(200)),
        (lambda known: removed(known, at(200)), at(200)),
        (lambda known: adjusted(known, replace(RHYTHM, interval=timedelta(hours=1)), at(200)), at(200)),
        (lambda known: beaten(known, at(190), at(200)), at(190)),
        (lambda known: beaten(known, at(199), at(200)), at(199)),
    ],
    ids=["paused", "removed", "slower", "beaten", "beaten later"],
)
def test_an_alert_ends_with_the_beat_or_with_the_waiting(end: object, expected: datetime) -> None:
    over = end(firing(new(), at(100)))  # type: ignore[operator]
    assert telling_of(over, at(200)) == Telling(Say.RESOLVED, expected)


def test_an_alert_never_ends_before_it_began() -> None:
    late = beaten(firing(new(), at(70)), at(50), at(71))
    assert telling_of(late, at(71)) == Telling(Say.RESOLVED, at(60))


def test_set_again_after_removal_it_is_new_but_still_ends_its_alert() -> None:
    gone = removed(firing(new(), at(100)), at(200))
    again = adjusted(gone, RHYTHM, at(210))
    assert (again.version, again.is_removed, again.overdue_at) == (1, False, at(280))
    assert telling_of(again, at(210)) == Telling(Say.RESOLVED, at(210))


def test_its_alert_carries_its_labels_over_those_of_every_such_alert() -> None:
    heartbeat = new(replace(RHYTHM, labels={"alertname": "NoBackup", "tier": "1"}, annotations={"summary": "no backup"}))
    assert labels_of(heartbeat, "service") == {"alertname": "NoBackup", "heartbeat": "nightly", "service": "backup", "tier": "1"}
    assert annotations_of(heartbeat) == {"summary": "no backup"}
    assert annotations_of(new())["summary"] == "No beat of nightly: one is due every 1 min, and 10 s later at most"


TIMES = st.lists(st.integers(-500, 400), max_size=12)


@given(TIMES, st.randoms(use_true_random=False), st.integers(400, 900))
def test_beats_in_any_order_and_any_number_of_times_end_in_the_same_state(times: list[int], random: object, now: int) -> None:
    def after(order: Sequence[int]) -> Heartbeat:
        heartbeat = new()
        for each in order:
            heartbeat = beaten(heartbeat, at(each), at(400))
        return heartbeat

    shuffled = times * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert after(times) == after(shuffled)
    assert state_of(after(times), at(now)) is state_of(after(shuffled), at(now))


@given(TIMES, st.integers(-500, 400))
def test_a_beat_never_makes_it_due_earlier(times: list[int], further: int) -> None:
    heartbeat = new()
    for each in times:
        heartbeat = beaten(heartbeat, at(each), at(400))
    assert beaten(heartbeat, at(further), at(400)).overdue_at >= heartbeat.overdue_at


@given(st.lists(st.tuples(st.sampled_from(["beat", "pause", "resume", "slower", "look"]), st.integers(1, 120)), max_size=25))
def test_whoever_looks_in_time_tells_begins_and_ends_in_turn_and_never_backwards(steps: list[tuple[str, int]]) -> None:
    heartbeat, now, said = new(), START, list[Telling]()
    for step, seconds in steps:
        now += timedelta(seconds=seconds)
        if step == "beat":
            heartbeat = beaten(heartbeat, now, now)
        elif step != "look":
            slower = timedelta(seconds=90 if step == "slower" else 60)
            heartbeat = adjusted(heartbeat, replace(RHYTHM, interval=slower, is_paused=step == "pause"), now)
        while (telling := telling_of(heartbeat, now)) is not None:
            if not (said and said[-1] == telling):  # labels may have changed: the same is told again
                said.append(telling)
            before = noted(heartbeat, telling)
            heartbeat = told(before, before, telling)
        overdue = state_of(heartbeat, now) is HeartbeatState.OVERDUE
        assert (heartbeat.firing_since is not None) is overdue
    assert [each.say for each in said] == [Say.FIRING, Say.RESOLVED] * (len(said) // 2) + [Say.FIRING] * (len(said) % 2)
    assert all(earlier.at <= later.at for earlier, later in pairwise(said))
