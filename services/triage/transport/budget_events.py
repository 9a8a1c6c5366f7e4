"""Events of error budgets in their wire form, and what budgets hear of incidents and planned work."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from ballast.intake.v1 import incident_pb2, maintenance_window_pb2, matcher_pb2, muting_events_pb2
from ballast.triage.v1 import budget_events_pb2 as pb
from google.protobuf.message import Message

from services.triage.domain.budget_cause import BudgetCause
from services.triage.domain.budget_events import BudgetEvent, BudgetPolicyChanged, BudgetStepChanged, DutyArose, ErrorBudgetChanged
from services.triage.domain.incident_budget import BudgetIncident, DutyKind
from services.triage.domain.planned_work import PlannedWork
from services.triage.storage.budget_incident_store import BudgetIncidentStore
from services.triage.storage.budget_store import BudgetStore
from services.triage.transport.budget_convert import report_to_pb
from services.triage.transport.budget_policy_convert import policy_to_pb
from services.triage.transport.incidents import component_ids, incident_told
from shared.errors import InvalidInput, Violation, invalid_field
from shared.events.event import EncodedEvent, Outcome, ReceivedEvent
from shared.events.sink import Arrival, Handler
from shared.ids import name_of
from shared.recurrence import Unusable
from shared.rpc.wellknown import time_from_pb

POLICY_SUBJECT = "budgetPolicy"
_CAUSES = {
    incident_pb2.INCIDENT_CAUSE_OWN_CHANGE: BudgetCause.OWN_CHANGE,
    incident_pb2.INCIDENT_CAUSE_DEPENDENCY: BudgetCause.DEPENDENCY,
    incident_pb2.INCIDENT_CAUSE_PLATFORM: BudgetCause.PLATFORM,
    incident_pb2.INCIDENT_CAUSE_EXTERNAL: BudgetCause.EXTERNAL,
}


def encode_budget(event: BudgetEvent) -> EncodedEvent:
    """Returns the event as it is recorded."""
    if isinstance(event, BudgetPolicyChanged):
        made = event.made
        return EncodedEvent(POLICY_SUBJECT, made.revision, pb.BudgetPolicyChanged(policy=policy_to_pb(made)), made.create_time)
    if isinstance(event, DutyArose):
        return EncodedEvent(event.duty.slo, 0, _duty(event), event.at)
    report = event.report
    data: Message
    if isinstance(event, ErrorBudgetChanged):
        data = pb.ErrorBudgetChanged(error_budget=report_to_pb(report))
    else:
        assert isinstance(event, BudgetStepChanged)
        data = pb.BudgetStepChanged(error_budget=report_to_pb(report), previous_step=event.previous_step)
    return EncodedEvent(f"{report.slo.name}/errorBudgets/{report.objective}", event.version, data, report.now)


def _duty(event: DutyArose) -> Message:
    duty = event.duty
    if duty.kind is DutyKind.POST_MORTEM:
        return pb.PostMortemDue(incident=duty.about, slo=duty.slo, objective=duty.objective, four_week_share=duty.share)
    return pb.PlanningDue(incident_class=duty.about, slo=duty.slo, objective=duty.objective, quarter_share=duty.share)


class BudgetSources:
    """Keeps what budgets need of intake's incidents and maintenance windows."""

    def __init__(self, incidents: BudgetIncidentStore, budgets: BudgetStore) -> None:
        self._incidents = incidents
        self._budgets = budgets

    def handlers(self) -> dict[str, Handler]:
        return {muting_events_pb2.MaintenanceWindowChanged.DESCRIPTOR.full_name: self._planned}

    async def take(self, arrived: Sequence[Arrival]) -> list[Outcome]:
        """Keeps the incidents that events of INCIDENT_EVENTS tell of."""
        told = [(budget_incident_from_pb(incident_told(each.event)[0]), each.event.version) for each in arrived]
        return [_outcome(is_newest) for is_newest in await self._incidents.keep(told)]

    async def _planned(self, event: ReceivedEvent) -> Outcome:
        """Raises InvalidInput for a window whose times cannot be read: nothing could be left out for it."""
        window = event.unpack(muting_events_pb2.MaintenanceWindowChanged).maintenance_window
        try:
            return _outcome(await self._budgets.exclude(work_from_pb(window)))
        except (Unusable, ValueError, KeyError) as error:
            raise invalid_field("maintenance_window", f"cannot be read: {error}", reason="EVENT_MALFORMED") from None


def budget_incident_from_pb(message: incident_pb2.Incident) -> BudgetIncident:
    """Reads what budgets need of an incident. A merged one counts no more: its alerts are another's."""
    opened_at = time_from_pb(message, "opened_at")
    if opened_at is None:
        broken = Violation("incident.opened_at", "is absent; send when the incident was opened")
        raise InvalidInput(f"{broken.field}: {broken.description}", [broken], reason="EVENT_MALFORMED")
    ended_at = opened_at if message.merged_into else time_from_pb(message, "mitigated_at") or time_from_pb(message, "resolved_at")
    return BudgetIncident(
        name=message.name,
        class_=", ".join(f"{key}={value}" for key, value in sorted(message.group_labels.items())),
        cause=_CAUSES.get(message.attribution.cause, BudgetCause.UNKNOWN),
        cause_ref=message.attribution.ref,
        components=tuple(name_of("components", each) for each in component_ids(message.components)),
        opened_at=opened_at,
        ended_at=ended_at,
    )


def work_from_pb(window: maintenance_window_pb2.MaintenanceWindow) -> PlannedWork:
    made_at = time_from_pb(window, "update_time")
    if made_at is None:
        raise ValueError("update_time is absent")
    return PlannedWork(
        name=window.name,
        version=window.version,
        components=excluded_components(window.matchers),
        starts_at=_wall_time(window.starts_at),
        time_zone=window.time_zone,
        duration=window.duration.ToTimedelta(),
        rrule=window.rrule,
        reason=window.reason,
        approver=window.approver,
        cancelled_at=time_from_pb(window, "cancelled_at"),
        made_at=made_at,
    )


def excluded_components(matchers: Iterable[matcher_pb2.Matcher]) -> tuple[str, ...]:
    """Returns the component that a window is about as a whole; none where it matches by anything else beside, or by a pattern.

    Work on a part of a component does not take all of it out of its budgets: an adjustment can say how much it was.
    """
    found = list(matchers)
    whole = len(found) == 1 and found[0].label == "component" and found[0].operator == matcher_pb2.MATCH_OPERATOR_EQUAL
    return tuple(name_of("components", each) for each in component_ids([found[0].value])) if whole and found[0].value else ()


def _wall_time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


def _outcome(is_newest: bool) -> Outcome:
    return Outcome.ACCEPTED if is_newest else Outcome.STALE
