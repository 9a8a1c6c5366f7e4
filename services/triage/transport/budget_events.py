"""Events of error budgets in their wire form, and what budgets hear of incidents and planned work."""

from collections.abc import Sequence
from datetime import datetime

from ballast.intake.v1 import incident_pb2, maintenance_window_pb2, matcher_pb2, muting_events_pb2
from ballast.triage.v1 import budget_events_pb2 as pb
from google.protobuf.message import Message

from services.triage.domain.budget_cause import BudgetCause
from services.triage.domain.budget_events import BudgetEvent, BudgetPolicyChanged, BudgetStepChanged, DutyArose, ErrorBudgetChanged
from services.triage.domain.component_selection import Comparison, LabelMatcher, selection_of
from services.triage.domain.incident_budget import BudgetIncident, DutyKind
from services.triage.domain.planned_work import PlannedWork
from services.triage.domain.recurrence import class_of, class_title
from services.triage.storage.budget_incident_store import BudgetIncidentStore
from services.triage.storage.budget_store import BudgetStore
from services.triage.transport.budget_convert import report_to_pb
from services.triage.transport.budget_policy_convert import policy_to_pb
from services.triage.transport.incidents import incident_from_pb, incident_told
from shared.errors import invalid_field
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
    incident_pb2.INCIDENT_CAUSE_OUT_OF_SCOPE: BudgetCause.OUT_OF_SCOPE,
    incident_pb2.INCIDENT_CAUSE_MISCATEGORISED: BudgetCause.MISCATEGORISED,
}

_COMPARISONS = {
    matcher_pb2.MATCH_OPERATOR_EQUAL: Comparison.EQUAL,
    matcher_pb2.MATCH_OPERATOR_NOT_EQUAL: Comparison.NOT_EQUAL,
    matcher_pb2.MATCH_OPERATOR_MATCHES: Comparison.MATCHES,
    matcher_pb2.MATCH_OPERATOR_NOT_MATCHES: Comparison.NOT_MATCHES,
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
    return pb.PlanningDue(
        incident_class=duty.about, incident_class_title=duty.title, slo=duty.slo, objective=duty.objective, quarter_share=duty.share
    )


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
    """Reads what budgets need of an incident. A merged one counts no more: its alerts are another's. Raises as `incident_from_pb` does."""
    incident = incident_from_pb(message)
    ended_at = incident.opened_at if incident.merged_into else time_from_pb(message, "mitigated_at") or incident.resolved_at
    return BudgetIncident(
        name=incident.name,
        class_=class_of(incident),
        class_title=class_title(incident),
        cause=_CAUSES.get(message.attribution.cause, BudgetCause.UNKNOWN),
        cause_ref=message.attribution.ref,
        components=tuple(name_of("components", each) for each in incident.components),
        opened_at=incident.opened_at,
        ended_at=ended_at,
    )


def work_from_pb(window: maintenance_window_pb2.MaintenanceWindow) -> PlannedWork:
    made_at = time_from_pb(window, "update_time")
    if made_at is None:
        raise ValueError("update_time is absent")
    return PlannedWork(
        name=window.name,
        version=window.version,
        selection=selection_of([_matcher(each) for each in window.matchers]),
        starts_at=_wall_time(window.starts_at),
        time_zone=window.time_zone,
        duration=window.duration.ToTimedelta(),
        rrule=window.rrule,
        reason=window.reason,
        approver=window.approver,
        cancelled_at=time_from_pb(window, "cancelled_at"),
        made_at=made_at,
    )


def _matcher(matcher: matcher_pb2.Matcher) -> LabelMatcher:
    return LabelMatcher(matcher.label, _COMPARISONS[matcher.operator], matcher.value)


def _wall_time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


def _outcome(is_newest: bool) -> Outcome:
    return Outcome.ACCEPTED if is_newest else Outcome.STALE
