"""Log lines: one form for structlog and the standard library, with the span and service they were made in."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from shared.telemetry import Telemetry, configure_logs, logs, setup, trace_ids


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Leaves the process's logging as it was found."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def first(monkeypatch: pytest.MonkeyPatch) -> Iterator[Telemetry]:
    # Other tests of the same process may have built services that they never started, and so never stopped.
    monkeypatch.setattr(logs, "_services", [])
    telemetry = setup("first", log_format="json")
    yield telemetry
    telemetry.shutdown()


@pytest.fixture
def second(first: Telemetry) -> Iterator[Telemetry]:
    telemetry = setup("second", log_format="json")
    yield telemetry
    telemetry.shutdown()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_carries_time_level_logger_service_and_what_was_said(first: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger("some.module").warning("disk fills", percent=93)
    (line,) = lines(capsys)
    assert line.pop("time").endswith("Z")
    assert line == {"event": "disk fills", "percent": 93, "level": "warning", "logger": "some.module", "service": "first"}


def test_the_standard_library_logs_in_the_same_form(first: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("other.library").error("broken: %s", "pipe", extra={"attempt": 2})
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["logger"], line["service"], line["attempt"]) == (
        "broken: pipe",
        "error",
        "other.library",
        "first",
        2,
    )


def test_a_line_names_the_span_it_was_made_in(first: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    with first.tracer.start_as_current_span("work"):
        structlog.get_logger("m").info("inside")
        expected = trace_ids()
    structlog.get_logger("m").info("outside")
    inside, outside = lines(capsys)
    assert (inside["trace_id"], inside["span_id"]) == expected
    assert "trace_id" not in outside


def test_among_several_services_the_span_tells_which(first: Telemetry, second: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    for telemetry in (first, second):
        with telemetry.tracer.start_as_current_span("work"):
            structlog.get_logger("m").info("inside")
    assert [line["service"] for line in lines(capsys)] == ["first", "second"]


def test_outside_spans_the_logger_of_a_service_tells_which(second: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger("services.third.usecases").info("said")
    structlog.get_logger("shared.events").info("said")
    of_service, of_nobody = lines(capsys)
    assert of_service["service"] == "third"
    assert "service" not in of_nobody


def test_an_exception_is_one_line_with_its_traceback(first: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        int("seven")
    except ValueError:
        structlog.get_logger("m").exception("failed")
    (line,) = lines(capsys)
    assert "ValueError: invalid literal" in line["exception"]


def test_local_variables_are_not_shown_in_either_format(first: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    password = "hunter2".upper()
    for log_format in ("json", "console"):
        configure_logs(log_format)
        try:
            len(password) / 0
        except ZeroDivisionError:
            structlog.get_logger("m").exception("failed")
    written = capsys.readouterr().err
    assert written.count("ZeroDivisionError") >= 2
    assert "HUNTER2" not in written


def test_setting_up_twice_writes_each_line_once(second: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger("m").info("once")
    assert len(lines(capsys)) == 1


def test_console_lines_are_for_people(first: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("console")
    structlog.get_logger("m").info("ready", port=7101)
    assert "port=7101" in capsys.readouterr().err


def test_debug_lines_are_left_out(first: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger("m").debug("detail")
    logging.getLogger("m").debug("detail")
    assert lines(capsys) == []


def test_an_unknown_format_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match=r'log_format: \'xml\' is not known; use "json" or "console"'):
        setup("first", log_format="xml")
