"""The report: the year and the story for machines, the same bytes on every run.

Nothing in it hangs on the run: incidents go by the status page's number, times are the replayed year's, and names that the
services make up (UUIDs, traces, hashes over them) are left out.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ballast.allocation.v1.backtest_service_pb2 import BacktestSummary
from ballast.allocation.v1.decision_pb2 import DECISION_OUTCOME_HELD, Decision
from ballast.allocation.v1.roadmap_item_pb2 import DisplacedItem
from google.protobuf.message import Message

from clients.cli.demo.afterword import Afterword
from clients.cli.demo.share import share_before
from clients.cli.demo.story import Story
from clients.cli.demo.story_text import relation_text
from clients.cli.demo.summary import SprintSummary, value_of
from clients.cli.demo.year import Year, moment_of, sprint_of, team_of
from clients.cli.formats import enum_text
from shared.ids import id_of
from shared.money import Money

VERSION = 1
_SHARE_DIGITS = 6
_HOUR = timedelta(hours=1)


def build_report(
    year: Year, summaries: tuple[SprintSummary, ...], story: Story | None, afterword: Afterword | None = None
) -> dict[str, Any]:
    """Returns the report as JSON data."""
    return {
        "version": VERSION,
        "source": "Google Cloud's public status history, by way of moritalous/cloud-status-history (Apache-2.0)",
        "replay": _replay(year, summaries),
        "policy": year.example.policy.model_dump(mode="json"),
        "sprints": [_sprint(summary) for summary in summaries],
        "incidents": [_incident(year, number) for number in sorted(year.incidents, key=lambda key: _opened(year, key))],
        "decisions": [_decision(year, each) for each in year.decisions if each.outcome != DECISION_OUTCOME_HELD],
        "roadmap": {item.id: _item(year, item.id) for item in year.example.items},
        "story": _story(year, story) if story else None,
        "afterword": _afterword(afterword) if afterword else None,
    }


def report_bytes(report: Mapping[str, Any]) -> bytes:
    """Returns the report as it is written: keys sorted, so that equal reports are equal bytes."""
    return (json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _replay(year: Year, summaries: tuple[SprintSummary, ...]) -> dict[str, Any]:
    return {
        "begin": _time(year.example.cadence.first_at),
        "end": _time(year.example.cadence.end(len(summaries))),
        "sprints": len(summaries),
        "incidents": len(year.incidents),
        "decisions": {name: sum(getattr(each, name) for each in summaries) for name in ("raised", "lowered", "held", "agreed")},
        "remediation_hours": round(sum(each.remediation_hours for each in summaries), 2),
        "roadmap_hours": round(sum(team.roadmap_hours for each in summaries for team in each.teams), 2),
        "items_done": len(year.done_in),
        "value_at_risk_usd": _dollars(sum((each.value_at_risk for each in summaries[1:]), summaries[0].value_at_risk)),
    }


def _sprint(summary: SprintSummary) -> dict[str, Any]:
    restore = summary.restore
    return {
        "number": summary.number,
        "begin": _time(summary.begin_at),
        "incidents": summary.opened,
        "incidents_by_severity": {f"SEV{severity}": summary.severities.get(severity, 0) for severity in range(1, 6)},
        "median_time_to_restore_hours": _hours(restore.median) if restore else None,
        "median_is_a_lower_bound": restore.at_least if restore else False,
        "remediation_share_before": round(summary.share_before, _SHARE_DIGITS),
        "remediation_share_after": round(summary.share_after, _SHARE_DIGITS),
        "remediation_hours": summary.remediation_hours,
        "biggest_mover": summary.mover.team if summary.mover else None,
        "reason": summary.reason,
        "decisions": {"raised": summary.raised, "lowered": summary.lowered, "held": summary.held, "agreed": summary.agreed},
        "displaced_items": list(summary.displaced),
        "value_at_risk_usd": _dollars(summary.value_at_risk),
        "teams": {
            team.team: {
                "remediation_share_before": round(team.share_before, _SHARE_DIGITS),
                "remediation_share_after": round(team.share_after, _SHARE_DIGITS),
                "capacity_hours": round(team.capacity_hours, 2),
                "remediation_hours": round(team.remediation_hours, 2),
                "roadmap_hours": round(team.roadmap_hours, 2),
            }
            for team in summary.teams
        },
    }


def _opened(year: Year, number: str) -> tuple[int, str]:
    return (year.incidents[number].opened_at.ToSeconds(), number)


def _incident(year: Year, number: str) -> dict[str, Any]:
    incident, assessment = year.incidents[number], year.assessments[number]
    return {
        "outage": number,
        "title": incident.title,
        "components": list(incident.components),
        "alerts": incident.alert_count,
        "opened_at": _stamp(incident, "opened_at"),
        "acknowledged_at": _stamp(incident, "acknowledged_at"),
        "resolved_at": _stamp(incident, "resolved_at"),
        "severity": f"SEV{assessment.severity}",
        "score": assessment.score,
        "teams": [id_of(team) for team in assessment.teams],
    }


def _decision(year: Year, decision: Decision) -> dict[str, Any]:
    return {
        "team": team_of(decision),
        "sprint": sprint_of(decision),
        "at": _time(moment_of(decision)),
        "trigger": enum_text(decision, "trigger"),
        "outage": year.outage_assessed(decision.assessment),
        "outcome": enum_text(decision, "outcome"),
        "remediation_share_before": round(share_before(decision), _SHARE_DIGITS),
        "remediation_share_after": round(decision.after.remediation_share, _SHARE_DIGITS),
        "requested_share": round(decision.requested_share, _SHARE_DIGITS),
        "terms": {term.term: round(term.share, _SHARE_DIGITS) for term in decision.terms},
        "bounds": [bound.bound for bound in decision.bounds],
        "incidents_weighed": len(decision.incidents),
        "displaced": [_displaced(item) for item in decision.impact.displaced],
        "advanced": [id_of(item.roadmap_item) for item in decision.impact.advanced],
        "late_items": [id_of(item) for item in decision.impact.late_items],
        "value_at_risk_usd": _dollars(value_of(decision)),
        "explanation": decision.explanation,
        "state": enum_text(decision, "state"),
        "grounds": [ground.ground for ground in decision.grounds],
        "in_force_at": _stamp(decision, "in_force_time"),
    }


def _displaced(item: DisplacedItem) -> dict[str, Any]:
    amount = item.value_at_risk
    return {
        "item": id_of(item.roadmap_item),
        "delay_days": item.delay.ToTimedelta() / timedelta(days=1),
        "value_at_risk_usd": _dollars(Money.from_units_and_nanos(amount.units, amount.nanos, amount.currency_code)),
    }


def _item(year: Year, identifier: str) -> dict[str, Any]:
    entry = next(item for item in year.example.items if item.id == identifier)
    return {"team": entry.team, "effort_hours": entry.effort_hours, "done_in_sprint": year.done_in.get(identifier)}


def _story(year: Year, story: Story) -> dict[str, Any]:
    assessment, fault = story.assessment, story.verified.HasField("fault")
    return {
        "outage": story.outage,
        "title": story.incident.title,
        "alerts": [{key: alert.labels[key] for key in ("component", "alertname", "severity")} for alert in story.alerts],
        "timeline": [{"at": _stamp(entry, "occurred_at"), "who": entry.actor, "what": entry.text} for entry in story.timeline],
        "assessment": {
            "severity": f"SEV{assessment.severity}",
            "score": assessment.score,
            "offset": assessment.offset,
            "model": assessment.model_version,
            "terms": [{"feature": term.feature, "value": term.value, "points": term.points} for term in assessment.terms],
        },
        "decision": _decision(year, story.decision),
        "smallest_changes": [change.sentence for change in story.explained.smallest_changes],
        "agreed_by": [vote.principal for vote in story.approval.votes if vote.approves] if story.approval else [],
        "bundle": [file.path for file in story.bundle.files] if story.bundle else [],
        "lineage": [*(relation_text(edge) for edge in story.path), *sorted(relation_text(edge) for edge in story.beyond)],
        "ledger": {"event_types": sorted({entry.type for entry in story.entries}), "verified": story.verified.done and not fault},
    }


def _afterword(told: Afterword) -> dict[str, Any]:
    storm = getattr(told.storm, "with")
    return {
        "adherence": [
            {
                "sprint": each.number,
                "planned": round(each.planned_remediation_share, _SHARE_DIGITS),
                "recorded": round(each.recorded_remediation_share, _SHARE_DIGITS) if each.HasField("recorded_remediation_share") else None,
                "state": enum_text(each, "state"),
            }
            for each in told.adherence
        ],
        "drifts": [enum_text(each, "kind") for each in told.drifts],
        "storm": {
            "remediation_share": round(storm.decision.after.remediation_share, _SHARE_DIGITS),
            "displaced": [_displaced(item) for item in told.storm.displaced],
        },
        "backtest": _backtest(told.backtest) if told.backtest is not None else None,
    }


def _backtest(summary: BacktestSummary) -> dict[str, Any]:
    return {
        "judged": summary.judged_count,
        "service_level": summary.service_level,
        "contenders": {
            each.contender: {
                "mean_share": round(each.pooled.mean_share, _SHARE_DIGITS),
                "coverage": round(each.pooled.coverage.covered.value, _SHARE_DIGITS),
                "loss_hours": round(each.pooled.loss.value, 3),
                "changes": each.pooled.change_count,
            }
            for each in summary.results
        },
        "comparisons": [each.reason for each in summary.comparisons],
    }


def _stamp(message: Message, field: str) -> str | None:
    return _time(getattr(message, field).ToDatetime(tzinfo=UTC)) if message.HasField(field) else None


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _hours(span: timedelta) -> float:
    return round(span / _HOUR, 3)


def _dollars(money: Money) -> float:
    return round(float(money.amount), 2)
