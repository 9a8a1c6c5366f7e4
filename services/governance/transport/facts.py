"""The events lineage is drawn from, read as governance's own facts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ballast.allocation.v1 import allocation_events_pb2, decision_pb2, roadmap_item_pb2, team_pb2
from ballast.amendments.v1 import amendment_events_pb2, amendment_pb2
from ballast.governance.v1 import approval_pb2, governance_events_pb2
from ballast.intake.v1 import change_pb2, intake_events_pb2
from ballast.playbook.v1 import playbook_events_pb2
from ballast.triage.v1 import budget_events_pb2, triage_events_pb2
from google.protobuf.message import DecodeError, Message

from services.governance.domain.approval_terms import RULES_SUBJECT
from services.governance.domain.fact import (
    ApprovalFact,
    AssessmentFact,
    Attribution,
    BudgetFact,
    BundleFact,
    ChangeFact,
    ComponentFact,
    DecisionFact,
    Displacement,
    DutyFact,
    Fact,
    IncidentFact,
    PolicyFact,
    RoadmapItemFact,
    WeighedAssessment,
    Work,
    WorkFact,
)
from services.governance.domain.fact_drawing import GATING_RULES, SEVERITY_MATRIX
from shared.errors import InvalidInput
from shared.events.event import ReceivedEvent
from shared.money import Money
from shared.rpc.wellknown import time_from_pb

_STATES = {
    value.number: value.name.removeprefix("DECISION_STATE_").lower()
    for value in decision_pb2.DecisionState.DESCRIPTOR.values
    if value.number
}


class FactUnreadable(ValueError):
    """An event's data is not what its type promises."""


def fact_from_event(event: ReceivedEvent) -> Fact | None:
    """Returns what the event tells, or None for a type that shows nothing of lineage. Raises FactUnreadable."""
    reader = _READERS.get(event.type)
    if reader is None:
        return None
    kind, read = reader
    try:
        return read(event.unpack(kind))
    except (InvalidInput, DecodeError, ValueError, OverflowError) as error:
        raise FactUnreadable(f"{event.type} {event.id} of {event.source}: {error}") from error


def fact_from_payload(type_: str, payload: bytes) -> Fact | None:
    """Returns what an entry of the ledger told; None also where that cannot be read."""
    reader = _READERS.get(type_)
    if reader is None:
        return None
    kind, read = reader
    try:
        return read(kind.FromString(payload))
    except (InvalidInput, DecodeError, ValueError, OverflowError):
        return None


def _incident(data: intake_events_pb2.IncidentOpened | intake_events_pb2.IncidentChanged) -> IncidentFact:
    incident = data.incident
    told = incident.attribution
    return IncidentFact(
        name=incident.name,
        title=incident.title,
        components=tuple(incident.components),
        alerts=tuple(data.alerts),
        merged_into=incident.merged_into,
        attribution=Attribution(told.ref, told.confidence) if told.ref else None,
        opened_at=time_from_pb(incident, "opened_at"),
        resolved_at=time_from_pb(incident, "resolved_at"),
        updated_at=time_from_pb(incident, "update_time"),
    )


def _change(data: intake_events_pb2.ChangeReported) -> ChangeFact:
    change = data.change
    kind = change_pb2.ChangeKind.Name(change.kind).removeprefix("CHANGE_KIND_").lower()
    return ChangeFact(change.name, kind, change.summary, change.version, tuple(change.components), time_from_pb(change, "started_at"))


def _assessment(data: triage_events_pb2.AssessmentMade) -> AssessmentFact:
    assessment = data.assessment
    return AssessmentFact(
        assessment.name,
        assessment.incident,
        assessment.title,
        assessment.severity,
        matrix_revision=assessment.matrix_revision,
        gates_revision=assessment.gates_revision,
    )


def _component(data: triage_events_pb2.ComponentChanged) -> ComponentFact:
    return ComponentFact(data.component.name, data.component.display_name)


def _decision(data: allocation_events_pb2.DecisionMade | allocation_events_pb2.DecisionChanged) -> DecisionFact:
    decision = data.decision
    return DecisionFact(
        name=decision.name,
        sprint=decision.sprint,
        before_share=decision.before.remediation_share if decision.HasField("before") else None,
        after_share=decision.after.remediation_share,
        policy=decision.policy,
        policy_revision=decision.policy_revision,
        weighed=_weighed(decision),
        displaced=tuple(_displacement(item) for item in decision.impact.displaced),
        state=_STATES.get(decision.state, ""),
        state_reason=decision.state_reason,
        approval=decision.approval,
        rolls_back=decision.rolls_back,
    )


def _weighed(decision: decision_pb2.Decision) -> tuple[WeighedAssessment, ...]:
    """The one that triggered it may stand apart from those of the incidents weighed."""
    weighed = {each.assessment: WeighedAssessment(each.assessment, each.assessment_revision, each.severity) for each in decision.incidents}
    weighed.setdefault(decision.assessment, WeighedAssessment(decision.assessment))
    return tuple(weighed.values())


def _displacement(item: roadmap_item_pb2.DisplacedItem) -> Displacement:
    value = item.value_at_risk
    money = Money.from_units_and_nanos(value.units, value.nanos, value.currency_code) if item.HasField("value_at_risk") else None
    return Displacement(item.roadmap_item, item.title, item.delay.ToTimedelta(), money)


def _policy(data: allocation_events_pb2.AllocationPolicyChanged) -> PolicyFact:
    return PolicyFact(data.policy.name, data.policy.revision, data.policy.reason)


def _roadmap_item(data: allocation_events_pb2.RoadmapItemChanged) -> RoadmapItemFact:
    return RoadmapItemFact(data.item.name, data.item.title)


def _bundle(data: playbook_events_pb2.BundleRendered) -> BundleFact:
    bundle = data.bundle
    return BundleFact(
        bundle.name, bundle.template, bundle.template_version, bundle.decision, bundle.assessment, supersedes=bundle.supersedes
    )


def _grouping_rules(data: intake_events_pb2.GroupingRulesChanged) -> PolicyFact:
    return PolicyFact("groupingRules", data.rules.revision, data.rules.reason)


def _severity_matrix(data: triage_events_pb2.SeverityMatrixChanged) -> PolicyFact:
    return PolicyFact(SEVERITY_MATRIX, data.matrix.revision, data.matrix.reason)


def _gating_rules(data: triage_events_pb2.GatingRulesChanged) -> PolicyFact:
    return PolicyFact(GATING_RULES, data.gates.revision, data.gates.reason)


def _budget_policy(data: budget_events_pb2.BudgetPolicyChanged) -> PolicyFact:
    return PolicyFact("budgetPolicy", data.policy.revision, data.policy.reason)


def _approval_rules(data: governance_events_pb2.ApprovalRulesChanged) -> PolicyFact:
    return PolicyFact(RULES_SUBJECT, data.rules.revision, data.rules.reason, data.approval)


def _amendment(data: amendment_events_pb2.AmendmentChanged) -> PolicyFact | None:
    """What is drafted, waits or failed leads to nothing: lineage is of versions that came in force."""
    made = data.amendment
    if made.state != amendment_pb2.AMENDMENT_STATE_IN_FORCE:
        return None
    return PolicyFact(made.document, made.revision, made.reason, made.approval, made.base_revision)


def _approval(data: governance_events_pb2.ApprovalRequested | governance_events_pb2.ApprovalChanged) -> ApprovalFact:
    approval = data.approval
    state = approval_pb2.ApprovalState.Name(approval.state).removeprefix("APPROVAL_STATE_").lower()
    return ApprovalFact(approval.name, approval.subject, approval.kind, state)


def _error_budget(data: budget_events_pb2.ErrorBudgetChanged) -> BudgetFact:
    budget = data.error_budget
    name = f"{budget.slo}/errorBudgets/{budget.objective}"
    return BudgetFact(name, budget.slo, budget.component, budget.remaining, budget.standing.step, time_from_pb(budget, "evaluated_at"))


def _post_mortem_due(data: budget_events_pb2.PostMortemDue) -> DutyFact:
    about = (data.incident.removeprefix("incidents/"), data.slo.removeprefix("slos/"), str(data.objective))
    return DutyFact(f"duties/post-mortem/{'/'.join(about)}", data.incident, data.slo, data.objective, data.four_week_share)


def _work(data: allocation_events_pb2.WorkRecorded) -> WorkFact:
    return _work_of(data.records)


def _work_corrected(data: allocation_events_pb2.WorkCorrected) -> WorkFact:
    """What takes work back is drawn beside it, with hours below zero, so that those of an incident or an item still sum."""
    return _work_of([data.reversal, data.replacement] if data.HasField("replacement") else [data.reversal])


def _work_of(records: Iterable[team_pb2.WorkRecord]) -> WorkFact:
    """Work of a category is for nothing that lineage knows: it stands in the ledger alone."""
    return WorkFact(
        tuple(
            Work(each.name, each.incident or each.roadmap_item, each.HasField("incident"), each.team, each.hours)
            for each in records
            if each.incident or each.roadmap_item
        )
    )


# Any: each reader takes the message beside it, which a mapping's type cannot say.
_PAIRS: Sequence[tuple[type[Message], Callable[[Any], Fact | None]]] = (
    (intake_events_pb2.IncidentOpened, _incident),
    (intake_events_pb2.IncidentChanged, _incident),
    (triage_events_pb2.AssessmentMade, _assessment),
    (triage_events_pb2.ComponentChanged, _component),
    (allocation_events_pb2.DecisionMade, _decision),
    (allocation_events_pb2.DecisionChanged, _decision),
    (allocation_events_pb2.AllocationPolicyChanged, _policy),
    (allocation_events_pb2.RoadmapItemChanged, _roadmap_item),
    (playbook_events_pb2.BundleRendered, _bundle),
    (intake_events_pb2.ChangeReported, _change),
    (intake_events_pb2.GroupingRulesChanged, _grouping_rules),
    (triage_events_pb2.SeverityMatrixChanged, _severity_matrix),
    (triage_events_pb2.GatingRulesChanged, _gating_rules),
    (budget_events_pb2.BudgetPolicyChanged, _budget_policy),
    (budget_events_pb2.ErrorBudgetChanged, _error_budget),
    (budget_events_pb2.PostMortemDue, _post_mortem_due),
    (allocation_events_pb2.WorkRecorded, _work),
    (allocation_events_pb2.WorkCorrected, _work_corrected),
    (amendment_events_pb2.AmendmentChanged, _amendment),
    (governance_events_pb2.ApprovalRequested, _approval),
    (governance_events_pb2.ApprovalChanged, _approval),
    (governance_events_pb2.ApprovalRulesChanged, _approval_rules),
)
_Reader = tuple[type[Message], Callable[[Any], Fact | None]]
_READERS: Mapping[str, _Reader] = {kind.DESCRIPTOR.full_name: (kind, read) for kind, read in _PAIRS}
