"""What reaches the terminal: text from outside can neither mark up nor control it, and JSON is stable."""

import io
import json
import unicodedata
from datetime import timedelta

import pytest
from ballast.intake.v1 import incident_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st

from clients.cli.formats import count_text, digits_that_add_up, enum_text, rounding_gap
from clients.cli.incident_drawing import draw_incident, draw_line, draw_list
from clients.cli.output import Column, console, document, facts, plain, table
from shared.span import span_text
from tests.support.terminal import seen, seen_all

HOSTILE = "[bold red]x[/] \x1b[31m\x1b]0;owned\x07 \x9b2J \u202egnp.exe\u2066 \u200b a\r\nb :boom:"


def incident(**fields: str) -> incident_pb2.Incident:
    built = incident_pb2.Incident(name="incidents/1", state=incident_pb2.INCIDENT_STATE_OPEN, alert_count=2, firing_count=1)
    built.opened_at.FromJsonString("2026-03-02T09:00:00Z")
    for field, value in fields.items():
        setattr(built, field, value)
    return built


def harmless(text: str) -> bool:
    return not any(unicodedata.category(each) in {"Cc", "Cf", "Zl", "Zp"} for each in text.replace("\n", ""))


@given(st.text())
def test_plain_text_holds_nothing_that_acts_on_a_terminal(text: str) -> None:
    assert harmless(plain(text))
    assert "\n" not in plain(text)


def test_what_was_taken_out_stays_visible() -> None:
    assert plain("a\x1b[31mb\u202ec\nd") == "a\\x1b[31mb\\u202ec d"


def test_letters_of_every_script_stay_as_they_are() -> None:
    assert plain("Zahlung für Straße – 支払い, оплата ✓ €") == "Zahlung für Straße – 支払い, оплата ✓ €"


@pytest.mark.parametrize("width", [60, 200])
def test_a_hostile_title_reaches_no_drawing_as_markup_or_control(width: int) -> None:
    one = incident(title=HOSTILE, summary=HOSTILE + "2")
    one.group_labels[HOSTILE] = HOSTILE
    one.components.append(HOSTILE)
    one.declared_by = one.merged_into = HOSTILE
    one.roles.add(role=incident_pb2.INCIDENT_ROLE_SCRIBE, person=HOSTILE)
    one.rating.MergeFrom(incident_pb2.SeverityRating(severity=incident_pb2.INCIDENT_SEVERITY_SEV1, reason=HOSTILE, set_by=HOSTILE))
    one.attribution.MergeFrom(
        incident_pb2.CauseAttribution(cause=incident_pb2.INCIDENT_CAUSE_EXTERNAL, ref=HOSTILE, note=HOSTILE, attributed_by=HOSTILE)
    )
    drawn = seen_all([*draw_incident(one), *draw_list(pb.ListIncidentsResponse(incidents=[one])), draw_line(one)], width)
    assert harmless(drawn)
    assert "[bold" in drawn
    assert ":boom:" in drawn


def test_a_hostile_title_reaches_a_terminal_without_colour_of_its_own() -> None:
    file = io.StringIO()
    drawn = console(file)
    drawn._force_terminal = True
    drawn.print(table(HOSTILE, ("a",), [(HOSTILE,)]))
    assert "\x1b]0" not in file.getvalue()
    assert "\x1b[31m" not in file.getvalue()


def test_a_terminal_too_narrow_gets_blocks_in_which_nothing_is_cut() -> None:
    rows = [("incidents/0199b0c8-0000-7000-8000-00000000000a", "2026-03-02 09:00:00Z", "Checkout is slow")]
    listing = table("", (Column("incident", whole=True), Column("opened", whole=True), "title"), rows, ("sum", "", "9"))
    for width in (60, 100):
        drawn = seen(listing, width=width)
        assert all(part in drawn for part in (*rows[0], "sum", "9"))
    assert seen(listing, width=60).startswith("incident")


def test_facts_leave_out_what_is_not_known() -> None:
    assert seen(facts([("a", ""), ("b", 0)])) == "b  0"


def test_json_is_ascii_sorted_and_complete() -> None:
    text = document(incident(title="é\x9b\x7f"))
    assert text.isascii()
    assert "\x7f" not in text
    read = json.loads(text)
    assert read["title"] == "é\x9b\x7f"
    assert read["group_labels"] == {}
    assert read["state"] == "INCIDENT_STATE_OPEN"
    assert list(read) == sorted(read)
    assert "acknowledged_at" not in read


def test_json_lines_are_one_line_each() -> None:
    assert "\n" not in document({"incident": incident(title="a\nb")}, indent=None)


def test_the_same_value_gives_the_same_bytes_whatever_order_maps_were_filled_in() -> None:
    one, other = incident(), incident()
    one.group_labels.update({"a": "1", "b": "2"})
    other.group_labels.update({"b": "2", "a": "1"})
    assert document(one) == document(other)


def test_members_of_enums_read_as_words_and_unknown_ones_as_numbers() -> None:
    assert enum_text(incident(), "state") == "open"
    assert enum_text(incident_pb2.TimelineEntry(kind=99), "kind") == "99"  # type: ignore[arg-type]  # a newer server's


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.37, "0.37 s"),
        (59.9, "59.9 s"),
        (60, "1 min"),
        (3_661, "1 h 1 min"),
        (3_600, "1 h"),
        (93_600, "1 d 2 h"),
        (-90, "-1 min 30 s"),
    ],
)
def test_spans_read_in_two_units(seconds: float, text: str) -> None:
    assert span_text(timedelta(seconds=seconds)) == text


def test_one_is_not_many() -> None:
    assert (count_text(1, "incident"), count_text(0, "incident"), count_text(2, "entry", "entries")) == (
        "1 incident",
        "0 incidents",
        "2 entries",
    )


@given(st.lists(st.integers(-(2**20), 2**20).map(lambda grain: grain / 1024), min_size=1, max_size=15))
def test_figures_shown_add_up_to_the_total_shown(parts: list[float]) -> None:
    total = sum(parts)
    digits = digits_that_add_up(parts, total)
    gap = rounding_gap(parts, total, digits)
    shown = sum(round(part * 10**digits) for part in parts) + round(gap * 10**digits)
    assert shown == round(total * 10**digits)
    assert digits == 6 or not gap
