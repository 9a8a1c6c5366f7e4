"""Rows of teams, roadmap items, policies, incident facts and work to domain values and back."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.allocation.domain.incident import IncidentFact
from services.allocation.domain.member import Member
from services.allocation.domain.policy import AllocationPolicy, IncidentFrequencyTrigger, OpenIncidentTrigger, TimeToRestoreTrigger
from services.allocation.domain.roadmap import RoadmapItem, RoadmapStage
from services.allocation.domain.team import Team
from services.allocation.domain.work import WorkClass, WorkRecord
from services.allocation.storage.guard_rows import breaker_from_json, dwell_from_json, guards_to_json, thresholds_from_json
from services.allocation.storage.item_details import details_from_json, details_to_json
from services.allocation.storage.policy_rule_rows import history_from_json, reserve_from_json, rules_from_json, rules_to_json
from shared.ids import uuid_of
from shared.money import Money


def team_from_row(row: Any) -> Team:
    return Team(
        name=row.name,
        display_name=row.display_name,
        members=tuple(_member_from_json(each) for each in row.members),
        sprint_length=timedelta(days=row.sprint_days),
        first_sprint_at=row.first_sprint_at,
        policy=row.policy,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def team_to_row(team: Team) -> dict[str, Any]:
    return {
        "name": team.name,
        "display_name": team.display_name,
        "members": [_member_to_json(each) for each in team.members],
        "sprint_days": team.sprint_length.days,
        "first_sprint_at": team.first_sprint_at,
        "policy": team.policy,
        "version": team.version,
        "created_at": team.created_at,
        "updated_at": team.updated_at,
    }


def _member_to_json(member: Member) -> dict[str, Any]:
    return {
        "id": member.id,
        "weekly_hours": member.weekly_hours,
        "focus_factor": member.focus_factor,
        **({"skills": list(member.skills)} if member.skills else {}),
        **({"calendar": member.calendar} if member.calendar else {}),
        **({"person": member.person} if member.person else {}),
        **({"share": member.share} if member.share != 1 else {}),
        **({"joined_at": member.joined_at.isoformat()} if member.joined_at else {}),
        **({"left_at": member.left_at.isoformat()} if member.left_at else {}),
    }


def _member_from_json(held: dict[str, Any]) -> Member:
    return Member(
        id=held["id"],
        weekly_hours=held["weekly_hours"],
        focus_factor=held["focus_factor"],
        skills=tuple(held.get("skills", ())),
        calendar=held.get("calendar", ""),
        person=held.get("person", ""),
        share=held.get("share", 1.0),
        joined_at=datetime.fromisoformat(held["joined_at"]) if "joined_at" in held else None,
        left_at=datetime.fromisoformat(held["left_at"]) if "left_at" in held else None,
    )


def item_from_row(row: Any) -> RoadmapItem:
    return RoadmapItem(
        name=row.name,
        title=row.title,
        team=row.team,
        effort_hours=row.effort_hours,
        recorded_hours=row.recorded_hours,
        cost_of_delay_per_week=Money(row.cost_of_delay_per_week, row.currency),
        dependencies=tuple(row.dependencies),
        due_at=row.due_at,
        protected=row.protected,
        stage=RoadmapStage(row.stage),
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        details=details_from_json(row.details),
    )


def item_to_row(item: RoadmapItem) -> dict[str, Any]:
    return {
        "name": item.name,
        "title": item.title,
        "team": item.team,
        "effort_hours": item.effort_hours,
        "recorded_hours": item.recorded_hours,
        "cost_of_delay_per_week": item.cost_of_delay_per_week.amount,
        "currency": item.cost_of_delay_per_week.currency,
        "dependencies": list(item.dependencies),
        "due_at": item.due_at,
        "protected": item.protected,
        "stage": item.stage.value,
        "version": item.version,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "details": details_to_json(item.details),
    }


def policy_from_row(row: Any) -> AllocationPolicy:
    document = row.document
    frequency, restore, grave = (document[name] for name in ("incident_frequency", "time_to_restore", "open_incidents"))
    return AllocationPolicy(
        name=row.name,
        revision=row.revision,
        baseline_share=document["baseline_share"],
        floor_share=document["floor_share"],
        cap_share=document["cap_share"],
        largest_step=document["largest_step"],
        quiet_sprints=document["quiet_sprints"],
        incident_frequency=IncidentFrequencyTrigger(**frequency | {"ratio": Decimal(frequency["ratio"])}) if frequency else None,
        time_to_restore=TimeToRestoreTrigger(**restore | {"ratio": Decimal(restore["ratio"])}) if restore else None,
        open_incidents=OpenIncidentTrigger(**grave) if grave else None,
        horizon_sprints=document["horizon_sprints"],
        author=row.author,
        reason=row.reason,
        created_at=row.created_at,
        approval_thresholds=thresholds_from_json(document),
        circuit_breaker=breaker_from_json(document),
        shortest_dwell=dwell_from_json(document),
        reserve=reserve_from_json(document),
        rules=rules_from_json(document),
        history_sprints=history_from_json(document),
    )


def policy_to_row(policy: AllocationPolicy) -> dict[str, Any]:
    document = {
        "baseline_share": policy.baseline_share,
        "floor_share": policy.floor_share,
        "cap_share": policy.cap_share,
        "largest_step": policy.largest_step,
        "quiet_sprints": policy.quiet_sprints,
        "horizon_sprints": policy.horizon_sprints,
        "incident_frequency": _frequency_to_json(policy.incident_frequency),
        "time_to_restore": _restore_to_json(policy.time_to_restore),
        "open_incidents": _open_to_json(policy.open_incidents),
        **guards_to_json(policy),
        **rules_to_json(policy),
    }
    return {
        "name": policy.name,
        "revision": policy.revision,
        "document": document,
        "author": policy.author,
        "reason": policy.reason,
        "created_at": policy.created_at,
    }


def fact_from_row(row: Any) -> IncidentFact:
    return IncidentFact(
        incident=row.incident,
        assessment=row.assessment,
        revision=row.revision,
        severity=row.severity,
        opened_at=row.opened_at,
        resolved_at=row.resolved_at,
        teams=tuple(row.teams),
        trace_id=row.trace_id,
        span_id=row.span_id,
        components=tuple(row.components),
        expected_loss=None if row.loss_amount is None else Money(row.loss_amount, row.loss_currency),
    )


def fact_to_row(fact: IncidentFact) -> dict[str, Any]:
    return {
        "incident": fact.incident,
        "assessment": fact.assessment,
        "revision": fact.revision,
        "severity": fact.severity,
        "opened_at": fact.opened_at,
        "resolved_at": fact.resolved_at,
        "teams": list(fact.teams),
        "trace_id": fact.trace_id,
        "span_id": fact.span_id,
        "components": list(fact.components),
        "loss_amount": fact.expected_loss.amount if fact.expected_loss else None,
        "loss_currency": fact.expected_loss.currency if fact.expected_loss else "",
    }


def record_from_row(row: Any) -> WorkRecord:
    return WorkRecord(
        name=record_name(row.id),
        team=row.team,
        member=row.member,
        incident=row.incident,
        roadmap_item=row.roadmap_item,
        hours=row.hours,
        worked_at=row.worked_at,
        note=row.note,
        category=row.category,
        work_class=WorkClass(row.work_class) if row.work_class else None,
        reverses=record_name(row.reverses) if row.reverses else "",
        replaces=record_name(row.replaces) if row.replaces else "",
        correction_reason=row.correction_reason,
        author=row.author,
        is_corrected=getattr(row, "is_corrected", False),
    )


def record_to_row(record: WorkRecord) -> dict[str, Any]:
    return {
        "id": uuid_of(record.name),
        "team": record.team,
        "member": record.member,
        "incident": record.incident,
        "roadmap_item": record.roadmap_item,
        "hours": record.hours,
        "worked_at": record.worked_at,
        "note": record.note,
        "category": record.category,
        "category_class": record.work_class.value if record.category and record.work_class else 0,
        "reverses": uuid_of(record.reverses) if record.reverses else None,
        "replaces": uuid_of(record.replaces) if record.replaces else None,
        "correction_reason": record.correction_reason,
        "author": record.author,
    }


def record_name(record_id: UUID) -> str:
    return f"workRecords/{record_id}"


def _frequency_to_json(trigger: IncidentFrequencyTrigger | None) -> dict[str, Any] | None:
    if trigger is None:
        return None
    return {
        "history_sprints": trigger.history_sprints,
        "ratio": str(trigger.ratio),
        "minimum_count": trigger.minimum_count,
        "raise_by": trigger.raise_by,
        "severity_at_most": trigger.severity_at_most,
    }


def _restore_to_json(trigger: TimeToRestoreTrigger | None) -> dict[str, Any] | None:
    if trigger is None:
        return None
    return {
        "history_sprints": trigger.history_sprints,
        "ratio": str(trigger.ratio),
        "minimum_count": trigger.minimum_count,
        "raise_by": trigger.raise_by,
    }


def _open_to_json(trigger: OpenIncidentTrigger | None) -> dict[str, Any] | None:
    if trigger is None:
        return None
    return {"severity_at_most": trigger.severity_at_most, "raise_by": trigger.raise_by, "raise_at_most": trigger.raise_at_most}
