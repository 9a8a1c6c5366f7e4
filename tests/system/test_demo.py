"""The demo from outside: a process that replays the year, leaves what it promises, and leaves nothing running."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

SPRINTS = "3"


def start(out: Path, *options: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "clients.cli.demo", "--out", str(out), "--sprints", SPRINTS, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "120", **(environment or {})},
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    stdout, stderr = process.communicate(timeout=180)
    return process.returncode, stdout, stderr


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Folder and output of a short replay."""
    out = tmp_path_factory.mktemp("demo") / "first"
    code, stdout, stderr = finish(start(out))
    assert code == 0, stderr
    return out, stdout


@pytest.mark.slow
def test_two_runs_leave_the_same_report_and_picture_byte_for_byte(first: tuple[Path, str], tmp_path: Path) -> None:
    code, _, stderr = finish(start(tmp_path))
    assert code == 0, stderr
    for name in ("report.json", "year.svg", "year.png"):
        assert (tmp_path / name).read_bytes() == (first[0] / name).read_bytes(), name


@pytest.mark.slow
def test_the_report_holds_what_the_status_page_told(first: tuple[Path, str]) -> None:
    report = json.loads((first[0] / "report.json").read_bytes())
    assert [sprint["incidents"] for sprint in report["sprints"]] == [1, 9, 3]
    assert len({each["outage"] for each in report["incidents"]}) == 13
    assert report["replay"]["decisions"]["raised"] > 0
    assert report["replay"]["value_at_risk_usd"] > 0
    assert all(sprint["teams"][team]["roadmap_hours"] > 0 for sprint in report["sprints"] for team in sprint["teams"])


@pytest.mark.slow
def test_the_story_s_terms_sum_and_its_ledger_verifies(first: tuple[Path, str]) -> None:
    story = json.loads((first[0] / "report.json").read_bytes())["story"]
    assessment, decision = story["assessment"], story["decision"]
    assert assessment["offset"] + sum(term["points"] for term in assessment["terms"]) == assessment["score"]
    assert round(sum(decision["terms"].values()), 6) == decision["requested_share"]
    assert decision["displaced"]
    assert story["lineage"][:3] == ["grouped into", "assessed by", "weighed in"]
    assert {"displaces", "rendered as"} <= set(story["lineage"])
    assert story["ledger"]["verified"]


@pytest.mark.slow
def test_the_story_is_proved_from_alert_to_bundle_without_a_suite(first: tuple[Path, str], tmp_path: Path) -> None:
    ledger, key = first[0] / "story-ledger.jsonl", first[0] / "ledger-key.txt"
    types = [json.loads(part["entry"]["leaf"])["type"] for part in map(json.loads, ledger.read_text().splitlines()) if "entry" in part]
    for kind in ("intake.v1.IncidentOpened", "triage.v1.AssessmentMade", "allocation.v1.DecisionMade", "playbook.v1.BundleRendered"):
        assert f"ballast.{kind}" in types
    command = [sys.executable, "-m", "clients.cli", "ledger", "verify", str(ledger), "--key", str(key), "--json"]
    asked = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "BALLAST_GOVERNANCE_ADDRESS": "127.0.0.1:1"}
    )
    verdict = json.loads(asked.stdout)
    assert (verdict["entries"], verdict["fault"]) == (len(types), None)
    forged = tmp_path / "forged.jsonl"
    forged.write_text(ledger.read_text().replace("DecisionMade", "DecisionMode", 1))
    command[5] = str(forged)
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


@pytest.mark.slow
def test_the_terminal_shows_a_row_for_each_sprint_and_the_story(first: tuple[Path, str]) -> None:
    lines = first[1].splitlines()
    assert max(map(len, lines)) <= 120
    assert [line.split()[0] for line in lines if line.strip()[:2].strip().isdecimal() and " → " in line] == ["1", "2", "3"]
    (heading,) = [number for number, line in enumerate(lines) if "caused by" in line]
    assert {line.split()[3] for line in lines[heading + 2 : heading + 5]} == {"replay"}  # who, not by which call
    for said in ("1. ", "3. It was assessed SEV", "exactly the sum", "5. That displaced", "The ledger verifies"):
        assert said in first[1]


@pytest.mark.slow
def test_the_playbook_of_the_story_is_left_as_files(first: tuple[Path, str]) -> None:
    paths = json.loads((first[0] / "report.json").read_bytes())["story"]["bundle"]
    assert "CLAUDE.md" in paths
    assert all((first[0] / "bundle" / path).stat().st_size for path in paths)


@pytest.mark.slow
def test_a_demo_told_to_stop_stops_its_suite_too(tmp_path: Path) -> None:
    with start(tmp_path) as process:
        ready = tmp_path / "state" / "suite.json"
        deadline = time.monotonic() + 90
        while not ready.exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.1)
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        process.send_signal(signal.SIGTERM)
        code, _, stderr = finish(process)
    assert code == 143
    assert "Traceback" not in stderr
    assert not psutil.wait_procs(children, timeout=15)[1]


def test_a_suite_that_cannot_start_ends_the_demo_with_one_clear_line_and_its_log(tmp_path: Path) -> None:
    code, stdout, stderr = finish(start(tmp_path, environment={"BALLAST_TRIAGE_LOG_FORMAT": "runes"}))
    assert (code, stdout) == (6, "")
    line = stderr.splitlines()[-1]
    assert line.startswith("ballast: the suite ended with exit code 2 before it was ready: ballast: setting log_format")
    assert str(tmp_path / "suite.log") in line
    assert "Traceback" not in stderr


def test_a_folder_that_cannot_be_written_is_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("where a folder should be")
    code, _, stderr = finish(start(tmp_path / "file"))
    assert code == 2
    assert stderr.startswith("ballast: --out: ")


def test_a_file_that_breaks_a_rule_ends_the_demo_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "incidents.csv").write_text("number\n")
    code, stdout, stderr = finish(start(tmp_path / "out", "--example", str(tmp_path)))
    assert (code, stdout) == (2, "")
    assert stderr.startswith("ballast: incidents.csv:1: header: must be number,begin,end")
    assert not (tmp_path / "out").exists()
