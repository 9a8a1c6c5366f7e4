"""The report of the bench."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from bench.figures import spread
from bench.report import Section, write_report

SECTION = Section(
    "Rates", ("peer", "per second"), [("ours", "10"), ("theirs", "absent: apt-get install it")], {"ours": spread([9, 10, 11])}
)
AT = datetime(2026, 3, 2, tzinfo=UTC)


def test_a_section_prints_its_title_its_rows_and_its_notes() -> None:
    console = Console(width=100)
    with console.capture() as captured:
        console.print(Section("Rates", SECTION.columns, SECTION.rows, {}, ["A note."]).table())
    said = captured.get()
    assert all(text in said for text in ("Rates", "peer", "ours", "absent: apt-get install it", "A note."))


def test_a_report_keeps_every_section_with_its_figures_and_the_machine(tmp_path: Path) -> None:
    write_report(tmp_path / "deep" / "report.json", {"rates": SECTION}, AT)
    read = json.loads((tmp_path / "deep" / "report.json").read_text())
    assert read["measured_at"] == "2026-03-02T00:00:00+00:00"
    assert read["machine"]["cores"] >= 1
    assert read["scenarios"]["rates"]["figures"] == {"ours": {"median": 10, "least": 9, "most": 11}}
    assert read["scenarios"]["rates"]["table"][1] == ["ours", "10"]


def test_what_cannot_be_kept_leaves_the_report_before(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_report(path, {"rates": SECTION}, AT)
    with pytest.raises(TypeError, match="object has no place in a report"):
        write_report(path, {"rates": Section("", (), (), {"odd": object()})}, AT)
    assert "Rates" in path.read_text()
