"""The report and the picture: the same bytes for the same year, and no name in them that hangs on the run."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from ballast.allocation.v1.decision_pb2 import Decision
from ballast.allocation.v1.decision_service_pb2 import ExplainDecisionResponse, SmallestChange
from ballast.governance.v1.approval_pb2 import Approval, ApprovalVote
from ballast.governance.v1.governance_service_pb2 import VerifyLedgerResponse
from ballast.governance.v1.ledger_pb2 import LedgerEntry
from ballast.governance.v1.lineage_pb2 import LINEAGE_RELATION_DISPLACES, LINEAGE_RELATION_GROUPED_INTO, LineageEdge
from ballast.intake.v1.alert_pb2 import Alert
from ballast.playbook.v1.bundle_pb2 import Bundle, BundleFile

from clients.cli.demo.bundle import write_bundle
from clients.cli.demo.picture import Mark, draw_picture
from clients.cli.demo.report import build_report, report_bytes
from clients.cli.demo.story import Story
from clients.cli.demo.summary import summarise
from clients.cli.demo.year import Year
from shared.errors import InvalidInput
from tests.support.demo import after, assessment, decision, incident, year


def told() -> Year:
    decisions = [decision(1, (None, 0.45), of="7", at_risk=1200, fired=["open_incidents"]), decision(24 * 14, (0.45, 0.4))]
    return year([incident("7", 1, 5)], [assessment("7", 2)], decisions)


def story(of: Year, made: Decision, run: str) -> Story:
    """Builds the story of one run; everything that services make up carries `run`."""
    return Story(
        outage="7",
        incident=of.incidents["7"],
        alerts=(Alert(name=f"alerts/{run}", labels={"component": "apigee", "alertname": "ErrorRateHigh", "severity": "high"}),),
        timeline=(),
        assessment=of.assessments["7"],
        decision=made,
        explained=ExplainDecisionResponse(decision=made, smallest_changes=[SmallestChange(sentence="Had it been 0.", needed=0)]),
        approval=Approval(name=f"approvals/{run}", votes=[ApprovalVote(principal="heda", approves=True)]),
        bundle=Bundle(name=f"bundles/{run}", files=[BundleFile(path="CLAUDE.md", content=run.encode(), content_hash=run)]),
        path=(LineageEdge(from_name=f"alerts/{run}", to_name=f"incidents/{run}", relation=LINEAGE_RELATION_GROUPED_INTO),),
        beyond=(LineageEdge(from_name=made.name, to_name=f"roadmapItems/{run}", relation=LINEAGE_RELATION_DISPLACES, trace_id=run),),
        entries=(LedgerEntry(event_id=run, type="ballast.intake.v1.IncidentOpened", hash=run, trace_id=run),),
        verified=VerifyLedgerResponse(verified_count=9, total_count=9, done=True, head_hash=run),
    )


def reported(run: str) -> bytes:
    of = told()
    return report_bytes(build_report(of, summarise(of), story(of, of.decisions[0], run)))


def test_two_runs_give_the_same_bytes() -> None:
    assert reported("one") == reported("two")


def test_the_report_tells_the_year_by_stable_names() -> None:
    report = json.loads(reported("one"))
    assert [sprint["decisions"] for sprint in report["sprints"]] == [
        {"agreed": 0, "held": 0, "lowered": 0, "raised": 1},
        {"agreed": 0, "held": 0, "lowered": 1, "raised": 0},
    ]
    assert report["incidents"][0]["outage"] == report["story"]["outage"] == "7"
    assert report["decisions"][0]["displaced"] == [{"delay_days": 0.0, "item": "net-psc", "value_at_risk_usd": 1200.0}]
    assert report["story"]["lineage"] == ["grouped into", "displaces"]
    assert report["story"]["ledger"] == {"event_types": ["ballast.intake.v1.IncidentOpened"], "verified": True}
    assert report["roadmap"]["net-psc"]["done_in_sprint"] == 2


def test_a_year_without_a_story_is_reported_without_one() -> None:
    of = year()
    assert json.loads(report_bytes(build_report(of, summarise(of), None)))["story"] is None


def test_the_picture_is_drawn_to_the_same_bytes_twice(tmp_path: Path) -> None:
    of = told()
    mark = Mark(after(30), "30 hours on")
    first = [path.read_bytes() for path in draw_picture(of, summarise(of), tmp_path, mark)]
    second = [path.read_bytes() for path in draw_picture(of, summarise(of), tmp_path, mark)]
    assert first == second
    assert first[1][:4] == b"\x89PNG"


def test_a_year_without_incidents_or_decisions_is_drawn_too(tmp_path: Path) -> None:
    of = replace(told(), incidents={}, assessments={}, decisions=())
    svg, _ = draw_picture(of, summarise(of), tmp_path)
    assert "<svg" in svg.read_text()


def test_a_bundle_is_written_with_its_folders(tmp_path: Path) -> None:
    write_bundle(Bundle(files=[BundleFile(path=".claude/settings.json", content=b"{}")]), tmp_path)
    assert (tmp_path / ".claude" / "settings.json").read_bytes() == b"{}"


@pytest.mark.parametrize("path", ["../above", "/etc/elsewhere", "a/../../above"])
def test_a_bundle_that_reaches_out_of_its_folder_is_refused_whole(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    with pytest.raises(InvalidInput, match="outside its folder"):
        write_bundle(Bundle(files=[BundleFile(path="good", content=b"1"), BundleFile(path=path, content=b"2")]), folder)
    assert list(folder.iterdir()) == []
