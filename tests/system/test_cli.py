"""The `ballast` command against a running suite: the story of one incident, refusals, lost connections, and `ballast up`."""

import asyncio
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.support.command import Ran, ballast
from tests.support.relay import relaying
from tests.support.suite import ROOT, Clients, SuiteProcess, found_organisation

NOBODY = "0199b0c8-0000-7000-8000-00000000000a"
HOSTILE = "Checkout [bold]is[/] \x1b[31mslow\u202e"


@dataclass(frozen=True, slots=True)
class Told:
    """A suite that has heard of one grave incident, and the names that came of it."""

    suite: SuiteProcess
    alert: str
    incident: str
    decision: str
    bundle: str

    def ballast(self, *arguments: str, stdin: str = "") -> Ran:
        return ballast(*arguments, "--state", str(self.suite.state_dir), stdin=stdin)

    def json(self, *arguments: str, stdin: str = "") -> Any:
        ran = self.ballast(*arguments, "--json", stdin=stdin)
        assert ran.code == 0, ran.err
        return ran.data


def alert(component: str, summary: str = "x", **annotations: str) -> str:
    return json.dumps({"labels": {"component": component}, "annotations": {"summary": summary, **annotations}})


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SuiteProcess]:
    started = SuiteProcess(tmp_path_factory.mktemp("cli") / "state").start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def told(suite: SuiteProcess) -> Told:
    asyncio.run(_founded(suite))
    blank = Told(suite, "", "", "", "")
    line = alert("checkout", HOSTILE, **{"ballast.service_impact": "outage", "ballast.users_affected": "40000"})
    receipt = blank.json("alerts", "send", "-", stdin=line)["receipts"][0]
    incident = receipt["incident"]
    until(lambda: any(each["decision"] for each in blank.json("bundles", "list", "--incident", incident)["bundles"]))
    bundle = next(each for each in blank.json("bundles", "list", "--incident", incident)["bundles"] if each["decision"])
    until(lambda: blank.ballast("lineage", bundle["name"]).code == 0)
    return Told(suite, receipt["alert"], incident, bundle["decision"], bundle["name"])


async def _founded(suite: SuiteProcess) -> None:
    clients = Clients(suite.addresses)
    await found_organisation(clients, ["checkout", "search"], datetime.now(UTC) - timedelta(days=3))
    await clients.close()


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.1)


def test_an_incident_is_listed_and_shown_with_its_alert_and_time_line(told: Told) -> None:
    listed = told.json("incidents", "list", "--component", "checkout", "--status", "open")
    assert [each["name"] for each in listed["incidents"]] == [told.incident]
    shown = told.json("incidents", "show", told.incident.removeprefix("incidents/"))
    assert shown["incident"]["title"] == HOSTILE
    assert [each["name"] for each in shown["alerts"]] == [told.alert]
    assert shown["timeline"]


def test_text_from_outside_reaches_the_terminal_as_text(told: Told) -> None:
    for command in (("incidents", "show", told.incident), ("assessments", "show", told.incident), ("lineage", told.incident)):
        drawn = told.ballast(*command)
        assert drawn.code == 0
        assert "[bold]is[/]" in drawn.out
        assert not any(character in drawn.out for character in "\x1b\u202e")


def test_a_bare_uuid_finds_the_assessment_by_incident_or_by_its_own(told: Told) -> None:
    by_incident = told.json("assessments", "show", told.incident.removeprefix("incidents/"))
    own = by_incident["assessment"]["name"].removeprefix("assessments/")
    assert told.json("assessments", "show", own) == by_incident
    assert told.ballast("assessments", "show", NOBODY).code == 3


def test_a_decision_is_listed_shown_and_holds_the_teams_split(told: Told) -> None:
    listed = told.json("decisions", "list", "--team", "core", "--limit", "0")["decisions"]
    assert told.decision in [each["name"] for each in listed]
    shown = told.json("decisions", "show", told.decision)["decision"]
    assert sum(term["share"] for term in shown["terms"]) == pytest.approx(shown["requested_share"])
    split = told.json("split", "show", "core")["split"]
    assert split["team"] == "teams/core"
    for command in (("decisions", "list"), ("decisions", "show", told.decision), ("split", "show", "teams/core")):
        assert told.ballast(*command).code == 0


def test_a_decisions_story_is_told_from_the_incident_to_the_bundle(told: Told) -> None:
    story = told.json("trace", told.decision)
    kinds = [each["type"].rpartition(".")[2] for each in story["entries"]]
    assert {"IncidentOpened", "AssessmentMade", "DecisionMade", "BundleRendered"} <= set(kinds)
    assert {each["trace_id"] for each in story["entries"]} == {story["decision"]["trace_id"]}
    drawn = told.ballast("trace", told.decision).out
    assert drawn.index("IncidentOpened") < drawn.index("DecisionMade") < drawn.index("(entry", drawn.index("DecisionMade"))


def test_lineage_leads_from_the_bundle_back_to_the_alert_and_on_again(told: Told) -> None:
    upstream = told.json("lineage", told.bundle, "--direction", "upstream")
    assert told.alert in [each["name"] for each in upstream["nodes"]]
    downstream = told.json("lineage", told.alert, "--direction", "downstream")
    assert told.bundle in [each["name"] for each in downstream["nodes"]]
    assert told.ballast("lineage", f"incidents/{NOBODY}").code == 3


def test_a_bundle_is_written_once_and_never_over_what_differs(told: Told, tmp_path: Path) -> None:
    first = told.json("bundles", "write", told.bundle, str(tmp_path))
    assert {each["outcome"] for each in first["files"]} == {"written"}
    assert {each["outcome"] for each in told.json("bundles", "write", told.bundle, str(tmp_path))["files"]} == {"unchanged"}
    path = first["files"][0]["path"]
    (tmp_path / path).write_text("mine")
    refused = told.ballast("bundles", "write", told.bundle, str(tmp_path))
    assert (refused.code, (tmp_path / path).read_text()) == (6, "mine")
    assert path in refused.err
    assert told.ballast("bundles", "write", told.bundle, str(tmp_path), "--force").code == 0
    assert (tmp_path / path).read_text() != "mine"
    assert told.ballast("bundles", "show", told.bundle, "--path", path).out.strip()


def test_events_wait_nowhere_and_none_is_dead(told: Told) -> None:
    until(lambda: not any(int(each["pending_count"]) for each in told.json("events", "backlog").values()))
    assert told.json("events", "dead-letters", "intake") == {"dead_letters": [], "next_page_token": ""}
    assert told.json("events", "replay", "intake", "4711")["skipped_count"] == 1


def test_a_ledger_that_fits_ends_with_0_and_one_that_was_altered_with_1(told: Told) -> None:
    until(lambda: not any(int(each["pending_count"]) for each in told.json("events", "backlog").values()))
    verdict = told.json("ledger", "verify")
    assert verdict["done"]
    listed = told.json("ledger", "list", "--limit", "0")["entries"]
    assert len(listed) == int(verdict["total_count"])
    assert [each["subject"] for each in told.json("ledger", "list", "--subject", told.decision)["entries"]] == [told.decision]
    principal = listed[2]["principal"]
    assert principal
    asyncio.run(_alter(told.suite, 3, "mallory"))
    try:
        altered = told.ballast("ledger", "verify", "--json")
        assert (altered.code, altered.data["fault"]["sequence"], altered.data["fault"]["reason"]) == (1, "3", "CONTENT_MISMATCH")
        assert "entry 3" in told.ballast("ledger", "verify").out
    finally:
        asyncio.run(_alter(told.suite, 3, principal))
    assert told.ballast("ledger", "verify").code == 0


async def _alter(suite: SuiteProcess, sequence: int, principal: str) -> None:
    """Alters an entry as somebody with full rights on the database could."""
    pid_file = next(suite.state_dir.rglob("postmaster.pid"))
    sockets = pid_file.read_text().splitlines()[4]
    connection = await asyncpg.connect(host=sockets, user="postgres", database="ballast")
    await connection.execute("set session_replication_role = replica")  # switches the guards off
    await connection.execute("update governance.log_entry set principal = $2 where sequence = $1", sequence, principal)
    await connection.close()


def test_an_incident_is_taken_and_ended(told: Told) -> None:
    incident = told.json("alerts", "send", "-", stdin=alert("search"))["receipts"][0]["incident"]
    etag = told.json("incidents", "show", incident)["incident"]["etag"]
    taken = told.json("incidents", "ack", incident, "--note", "on it", "--etag", etag)["incident"]
    assert taken["state"] == "INCIDENT_STATE_ACKNOWLEDGED"
    old = told.ballast("incidents", "resolve", incident, "--etag", etag, "--force")
    assert (old.code, "ETAG_MISMATCH" in old.err) == (6, True)
    firing = told.ballast("incidents", "resolve", incident)
    assert (firing.code, "ALERTS_FIRING" in firing.err) == (6, True)
    assert told.json("incidents", "resolve", incident, "--force")["incident"]["state"] == "INCIDENT_STATE_RESOLVED"


def test_an_incident_is_declared_worked_on_merged_split_and_reviewed(told: Told) -> None:
    declared = told.json("incidents", "declare", "Search is down", "--component", "search", "--severity", "sev2", "--note", "users call")
    name = declared["incident"]["name"]
    receipts = told.json("alerts", "send", "-", stdin=f"{alert('index')}\n{alert('crawler')}\n")["receipts"]
    parts = [each["incident"] for each in receipts]
    shown = told.json("incidents", "merge", name, *parts, "--reason", "one fault", "--dry-run")
    assert (shown["incident"]["alert_count"], told.json("incidents", "show", name)["incident"]["alert_count"]) == ("2", "0")
    told.json("incidents", "merge", name, *parts, "--reason", "one fault")
    assert told.json("incidents", "show", parts[0])["incident"]["merged_into"] == name
    split = told.json("incidents", "split", name, receipts[1]["alert"], "--reason", "not that one", "--title", "Crawler")["split"]
    assert (split["title"], split["alert_count"]) == ("Crawler", "1")
    told.json("incidents", "assign", name, "commander", "grace")
    told.json("incidents", "severity", name, "SEV1", "--reason", "all users")
    told.json("incidents", "cause", name, "own-change", "--confidence", "0.9", "--ref", "changes/41", "--note", "bisected")
    told.json("incidents", "mitigate", name, "--note", "rolled back", "--evidence", "https://ci/41")
    told.json("incidents", "note", name, "all quiet")
    assert [each["name"] for each in told.json("incidents", "list", "--status", "mitigated", "--component", "search")["incidents"]] == [
        name
    ]
    told.json("incidents", "resolve", name, "--force")
    told.json("incidents", "reopen", name, "--reason", "too early")
    drawn = told.ballast("incidents", "show", name).out
    for line in (
        "SEV1 by",
        "all users",
        "grace",
        "own change changes/41, 90 % sure by",
        "took over",
        "rolled back https://ci/41",
        "too early",
    ):
        assert line in drawn
    refused = told.ballast("incidents", "ack", parts[0])
    assert (refused.code, "INCIDENT_MERGED" in refused.err) == (6, True)
    until(lambda: "merged into" in told.ballast("lineage", parts[0]).out)


def test_a_silence_is_tried_added_extended_and_ended_and_the_ledger_has_who_and_why(told: Told) -> None:
    told.json("alerts", "send", "-", stdin=alert("muted"))
    asked = ("silences", "add", 'component=~"mut.*"', "severity!=page", "--for", "2h", "--reason", "the disk is on order")
    assert told.json(*asked, "--check")["muted_alert_count"] == "1"
    assert told.json("silences", "list")["silences"] == []
    made = told.json(*asked)["silence"]
    assert [each["text"] for each in made["matchers"]] == ['component=~"mut.*"', 'severity!="page"']
    longer = told.json("silences", "edit", made["name"], "--extend", "1h", "--why", "it is late")["silence"]
    ends = [datetime.fromisoformat(each["ends_at"]) for each in (made, longer)]
    assert ends[1] - ends[0] == timedelta(hours=1)
    assert [each["name"] for each in told.json("silences", "list", "--status", "active")["silences"]] == [made["name"]]
    old = told.ballast("silences", "expire", made["name"], "--etag", made["etag"])
    assert (old.code, "ETAG_MISMATCH" in old.err) == (6, True)
    told.json("silences", "expire", made["name"], "--why", "mended")
    shown = told.json("silences", "show", made["name"].removeprefix("silences/"))
    assert [each["change_reason"] for each in shown["versions"]] == ["mended", "it is late", ""]
    until(lambda: len(told.json("ledger", "list", "--subject", made["name"])["entries"]) == 3)
    entries = told.json("ledger", "list", "--subject", made["name"])["entries"]
    assert {each["type"] for each in entries} == {"ballast.intake.v1.SilenceChanged"}
    assert {each["principal"] for each in entries} == {made["author"]}
    for command in (("silences", "list", "--status", "expired"), ("silences", "show", made["name"])):
        assert "component" in told.ballast(*command).out
    refused = told.ballast("silences", "add", 'component=~"("', "--for", "2h", "--reason", "?")
    assert (refused.code, "MATCHERS_REFUSED" in refused.err, "missing )" in refused.err) == (2, True, True)


def test_a_window_is_tried_planned_listed_and_cancelled(told: Told) -> None:
    rule = "FREQ=WEEKLY;BYDAY=SU;COUNT=4"
    asked = (
        *("windows", "add", "component=planned", "--start", "2031-03-23T02:30", "--zone", "Europe/Berlin", "--for", "2h"),
        *("--reason", "the database is moved", "--approver", "grace", "--rrule"),
    )
    tried = told.json(*asked, rule, "--check")
    begins = [each["starts_at"] for each in tried["next_occurrences"]]
    assert begins == ["2031-03-23T01:30:00Z", "2031-03-30T01:30:00Z", "2031-04-06T00:30:00Z", "2031-04-13T00:30:00Z"]
    endless = told.ballast(*asked, "FREQ=WEEKLY")
    assert (endless.code, "rrule: needs an end" in endless.err) == (2, True)
    name = told.json(*asked, rule)["maintenance_window"]["name"]
    view = ("--window", name, "--after", "2031-03-24T00:00:00Z", "--before", "2031-04-06T00:00:00Z")
    assert [each["starts_at"] for each in told.json("windows", "upcoming", *view)["occurrences"]] == ["2031-03-30T01:30:00Z"]
    assert [each["name"] for each in told.json("windows", "list")["maintenance_windows"]] == [name]
    told.json("windows", "cancel", name, "--why", "postponed")
    assert told.json("windows", "list")["maintenance_windows"] == []
    assert "postponed" in told.ballast("windows", "show", name).out
    assert told.ballast("windows", "list", "--all").code == told.ballast("windows", "upcoming").code == 0


def test_a_file_with_one_malformed_line_is_refused_and_nothing_of_it_sent(told: Told, tmp_path: Path) -> None:
    file = tmp_path / "alerts.jsonl"
    file.write_text(f'{alert("half")}\n{{"labels": {{}}}}\n')
    refused = told.ballast("alerts", "send", str(file))
    assert (refused.code, refused.out) == (2, "")
    assert "line 2, labels" in refused.err
    assert told.json("incidents", "list", "--component", "half")["incidents"] == []


def test_what_the_server_refuses_is_named_by_its_line(told: Told) -> None:
    ahead = json.dumps({"labels": {"component": "ahead"}, "starts_at": "2099-01-01T00:00:00Z"})
    refused = told.ballast("alerts", "send", "-", stdin=f"\n{alert('ahead')}\n{ahead}\n")
    assert refused.code == 2
    assert [each.split()[:3] for each in refused.out.splitlines() if "TIME_INVALID" in each] == [["3", "TIME_INVALID", "starts_at"]]
    assert "1 durable: 1 opened; 1 incident; 1 refused" in refused.out
    assert len(told.json("incidents", "list", "--component", "ahead")["incidents"]) == 1


def test_a_large_file_goes_out_in_batches_with_a_receipt_for_each_line(told: Told) -> None:
    lines = [json.dumps({"labels": {"component": "storm", "instance": str(number)}}) for number in range(1203)]
    receipts = told.json("alerts", "send", "-", "--source", "load", stdin="\n".join(lines))["receipts"]
    assert [each["line"] for each in receipts] == list(range(1, 1204))
    assert len({each["alert"] for each in receipts}) == 1203
    again = told.ballast("alerts", "send", "-", "--source", "load", stdin="[" + ",".join(lines) + "]")
    assert "1203 repeated; 1 incident" in again.out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("incidents", "show", NOBODY), 3, "INCIDENT_NOT_FOUND"),
        (("split", "show", "nobody"), 3, "TEAM_NOT_FOUND"),
        (("decisions", "show", NOBODY), 3, "DECISION_NOT_FOUND"),
        (("trace", NOBODY), 3, "DECISION_NOT_FOUND"),
        (("bundles", "show", NOBODY), 3, "BUNDLE_NOT_FOUND"),
        (("incidents", "list", "--order-by", "colour"), 2, "ORDER_BY_INVALID"),
        (("incidents", "watch", "--resume-token", "nonsense"), 2, "RESUME_TOKEN_INVALID"),
        (("incidents", "list", "--intake-address", "127.0.0.1:1"), 4, "intake at 127.0.0.1:1"),
        (("incidents", "watch", "--intake-address", "127.0.0.1:1"), 4, "intake at 127.0.0.1:1"),
        (("incidents", "list", "--timeout", "0.001"), 4, "--timeout"),
        (("ledger", "verify", "--governance-address", "127.0.0.1:1"), 4, "governance at 127.0.0.1:1"),
    ],
)
def test_a_failure_is_a_clear_line_and_a_code_never_a_traceback(told: Told, arguments: tuple[str, ...], code: int, says: str) -> None:
    ran = told.ballast(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert says in ran.err
    assert "Traceback" not in ran.err


class Child:
    """The command as a child process, whose lines can be waited for."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "clients.cli", *arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._lines: dict[str, queue.Queue[str]] = {}
        for name in ("stdout", "stderr"):
            self._lines[name] = queue.Queue()
            threading.Thread(target=self._read, args=(name,), daemon=True).start()

    def _read(self, name: str) -> None:
        with getattr(self.process, name) as stream:
            for line in stream:
                self._lines[name].put(line)

    def line(self, name: str = "stdout", seconds: float = 60) -> str:
        return self._lines[name].get(timeout=seconds)

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture
def child() -> Iterator[Callable[..., Child]]:
    started: list[Child] = []

    def start(*arguments: str) -> Child:
        started.append(Child(*arguments))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


def test_watching_goes_on_where_the_connection_was_lost_and_ends_cleanly(told: Told, child: Callable[..., Child]) -> None:
    with relaying(told.suite.addresses["intake"]) as relay:
        watch = child("incidents", "watch", "--json", "--state", str(told.suite.state_dir), "--intake-address", relay.address)
        opened: list[str] = []

        def send(component: str) -> str:
            return str(told.json("alerts", "send", "-", stdin=alert(component))["receipts"][0]["incident"])

        # Watching starts with the present: send until the first is seen.
        for number in range(40):
            opened.append(send(f"watched-{number}"))
            time.sleep(0.5)
            if not watch._lines["stdout"].empty():
                break
        first = json.loads(watch.line())
        expected = opened[opened.index(first["incident"]["name"]) :]
        seen = [first["incident"]["name"]]
        while len(seen) < len(expected):
            seen.append(json.loads(watch.line())["incident"]["name"])
        relay.cut()
        assert "connection lost" in watch.line("stderr")
        expected.append(send("while-cut-1"))
        expected.append(send("while-cut-2"))
        relay.mend()
        seen += [json.loads(watch.line())["incident"]["name"] for _ in range(2)]
        assert "connection is back" in watch.line("stderr")
        expected.append(send("after"))
        seen.append(json.loads(watch.line())["incident"]["name"])
        assert seen == expected
        assert watch.end() == 0


def test_a_resume_token_takes_up_an_earlier_watch_without_gap_or_repeat(told: Told, child: Callable[..., Child]) -> None:
    watch = child("incidents", "watch", "--json", "--count", "1", "--state", str(told.suite.state_dir))
    opened: list[str] = []

    def send(component: str) -> None:
        opened.append(told.json("alerts", "send", "-", stdin=alert(component))["receipts"][0]["incident"])

    # Watching starts with the present: send until something is seen.
    for number in range(40):
        send(f"token-{number}")
        time.sleep(0.5)
        if watch.process.poll() is not None:
            break
    seen = json.loads(watch.line())
    send("missed")
    expected = opened[opened.index(seen["incident"]["name"]) + 1 :]
    again = told.ballast("incidents", "watch", "--json", "--resume-token", seen["resume_token"], "--count", str(len(expected)))
    assert [json.loads(line)["incident"]["name"] for line in again.out.splitlines()] == expected


def test_a_reader_that_goes_away_is_no_failure_of_the_answer(told: Told) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "clients.cli", "ledger", "list", "--state", str(told.suite.state_dir)]
    for form in ([], ["--json"]):
        ran = subprocess.run([*command, *form], cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
        assert (ran.returncode, ran.stderr) == (141, "")
    os.close(writing)


@pytest.mark.slow
def test_up_runs_the_suite_says_where_it_is_and_drains_on_a_signal(tmp_path: Path, child: Callable[..., Child]) -> None:
    up = child("up", "--state", str(tmp_path / "state"), "--free-ports", "--json")
    ready = json.loads(up.line(seconds=120))
    assert {"intake", "triage", "allocation", "playbook", "governance"} <= set(ready["addresses"])
    assert ballast("incidents", "list", "--state", str(tmp_path / "state"), "--json").data["incidents"] == []
    second = subprocess.run(
        [sys.executable, "-m", "clients.cli", "up", "--state", str(tmp_path / "state"), "--free-ports"],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 2
    assert "in use" in second.stderr
    assert "Traceback" not in second.stderr
    assert up.end(signal.SIGTERM) == 0
    gone = ballast("incidents", "list", "--state", str(tmp_path / "state"))
    assert (gone.code, "ballast up" in gone.err) == (4, True)
