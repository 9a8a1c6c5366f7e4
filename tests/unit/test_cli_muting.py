"""Drawings of silences and maintenance windows, and times and spans as people type them."""

from typing import Any

import pytest
from ballast.intake.v1 import maintenance_window_messages_pb2, maintenance_window_pb2, matcher_pb2, silence_messages_pb2, silence_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from clients.cli import silences, windows
from clients.cli.main import main
from clients.cli.times import read_span, read_time
from shared.errors import InvalidInput
from tests.support.terminal import seen, seen_all

HOSTILE = "mended [bold]soon[/] \x1b[31m\u202e"
NINE = Timestamp(seconds=1_772_442_000)  # 2026-03-02 09:00


def silence(**fields: Any) -> silence_pb2.Silence:
    values: dict[str, Any] = {
        "name": "silences/1",
        "matchers": [matcher_pb2.Matcher(text='alertname=~"High.*"'), matcher_pb2.Matcher(text='severity!="info"')],
        "state": silence_pb2.SILENCE_STATE_ACTIVE,
        "change": silence_pb2.SILENCE_CHANGE_EDITED,
        "ends_at": NINE,
        "author": "ada",
        "changed_by": "grace",
        "reason": HOSTILE,
        "version": 2,
    }
    return silence_pb2.Silence(**(values | fields))


def window(**fields: Any) -> maintenance_window_pb2.MaintenanceWindow:
    values: dict[str, Any] = {
        "name": "maintenanceWindows/1",
        "matchers": [matcher_pb2.Matcher(text='component="checkout"')],
        "starts_at": "2026-03-29T02:30",
        "time_zone": "Europe/Berlin",
        "duration": Duration(seconds=7200),
        "rrule": "FREQ=WEEKLY;COUNT=4",
        "approver": "grace",
        "reason": HOSTILE,
        "state": maintenance_window_pb2.MAINTENANCE_WINDOW_STATE_IN_FORCE,
    }
    return maintenance_window_pb2.MaintenanceWindow(**(values | fields))


def test_a_silence_is_drawn_with_all_its_matchers_and_its_end() -> None:
    for drawn in (
        seen_all(silences.draw_silence(silence())),
        seen_all(silences.draw_list(silence_messages_pb2.ListSilencesResponse(silences=[silence()])), width=300),
    ):
        assert 'alertname=~"High.*", severity!="info"' in drawn
        assert "active" in drawn
        assert "2026-03-02 09:00:00Z" in drawn
        assert "[bold]soon[/]" in drawn
        assert "\x1b" not in drawn


def test_the_versions_of_a_silence_tell_who_changed_what() -> None:
    drawn = seen(silences.draw_versions([silence(change_reason="search as well")]), width=300)
    assert "edited" in drawn
    assert "grace" in drawn
    assert "search as well" in drawn


def test_a_preview_shows_some_of_the_alerts_and_says_when_not_all_were_looked_at() -> None:
    muted = silence_messages_pb2.MutedAlert(name="alerts/1", labels={"component": "checkout", "alertname": "Slow"})
    answer = silence_messages_pb2.CreateSilenceResponse(silence=silence(name=""), muted_alert_count=41, muted_alerts=[muted])
    drawn = seen_all(silences.draw_preview(answer))
    assert "alertname=Slow, component=checkout" in drawn
    assert drawn.endswith("41 firing alerts")
    answer.is_partial = True
    assert "41 firing alerts or more" in seen_all(silences.draw_preview(answer))


def test_a_window_is_drawn_with_its_plan_in_a_line() -> None:
    plan = "2026-03-29T02:30 Europe/Berlin for 2 h, FREQ=WEEKLY;COUNT=4"
    listing = maintenance_window_messages_pb2.ListMaintenanceWindowsResponse(maintenance_windows=[window()])
    for drawn in (
        seen_all(windows.draw_window(window())),
        seen_all(windows.draw_list(listing), width=300),
    ):
        assert plan in drawn
        assert "in force" in drawn
        assert "grace" in drawn
        assert "\x1b" not in drawn
    assert plan in seen(windows.draw_versions([window()]), width=300)
    assert windows.when_text(window(rrule="")) == "2026-03-29T02:30 Europe/Berlin for 2 h"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90m", 5400), ("2h30m", 9000), ("1d", 86_400), ("1d1h1m1s", 90_061), ("45s", 45), ("0m", 0)]
)
def test_spans_are_written_as_people_do(text: str, seconds: int) -> None:
    assert read_span("--for", text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["90", "1.5h", "h", "-1h", "2m1h", "1 h", "1w", "9999999d", ""])
def test_what_is_no_span_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(InvalidInput, match="--for") as error:
        read_span("--for", text)
    assert (error.value.reason, "as 90s, 5m, 2h30m or 1d" in error.value.message) == ("SPAN_INVALID", True)


def test_times_need_a_zone_and_may_be_left_out() -> None:
    assert read_time("--until", "2026-03-02T10:00:00+01:00") == NINE
    assert read_time("--until", "") is None
    for text in ("2026-03-02T10:00:00", "tomorrow"):
        with pytest.raises(InvalidInput, match="--until"):
            read_time("--until", text)


@pytest.mark.parametrize(
    "arguments",
    [
        ("silences", "add", "a=x", "--reason", "?"),
        ("silences", "add", "a=x", "--reason", "?", "--for", "1h", "--until", "2026-03-02T10:00:00Z"),
        ("silences", "add", "--reason", "?", "--for", "1h"),
        ("silences", "edit", "0199b0c8-0000-7000-8000-00000000000a", "--extend", "1h", "--until", "2026-03-02T10:00:00Z"),
        ("windows", "add", "a=x", "--start", "2026-03-29T02:30", "--for", "1h", "--reason", "?", "--approver", "grace"),
        ("windows", "cancel", "silences/0199b0c8-0000-7000-8000-00000000000a"),
    ],
)
def test_wrong_use_ends_with_2_before_anything_is_asked(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
