"""What each service serves: its contracts, by the name of the service."""

from collections.abc import Sequence

from ballast.allocation.v1 import (
    adherence_service_pb2,
    allocation_service_pb2,
    backtest_service_pb2,
    capacity_service_pb2,
    decision_service_pb2,
    demand_service_pb2,
    plan_service_pb2,
    policy_service_pb2,
    scenario_service_pb2,
    split_service_pb2,
    work_service_pb2,
)
from ballast.amendments.v1 import amendment_service_pb2
from ballast.events.v1 import event_admin_service_pb2
from ballast.governance.v1 import (
    access_log_service_pb2,
    approval_rule_service_pb2,
    approval_service_pb2,
    governance_service_pb2,
    ledger_service_pb2,
    lineage_service_pb2,
    segment_service_pb2,
)
from ballast.intake.v1 import grouping_service_pb2, incident_service_pb2, intake_service_pb2, muting_service_pb2, signal_service_pb2
from ballast.playbook.v1 import playbook_service_pb2
from ballast.triage.v1 import (
    budget_policy_service_pb2,
    calibration_service_pb2,
    catalogue_service_pb2,
    error_budget_service_pb2,
    gate_service_pb2,
    queue_service_pb2,
    sli_service_pb2,
    slo_service_pb2,
    triage_service_pb2,
)
from google.protobuf.descriptor import ServiceDescriptor

_SERVICES = {
    "intake": intake_service_pb2.DESCRIPTOR.services_by_name["IntakeService"],
    "triage": triage_service_pb2.DESCRIPTOR.services_by_name["TriageService"],
    "allocation": allocation_service_pb2.DESCRIPTOR.services_by_name["AllocationService"],
    "playbook": playbook_service_pb2.DESCRIPTOR.services_by_name["PlaybookService"],
    "governance": governance_service_pb2.DESCRIPTOR.services_by_name["GovernanceService"],
}
# What a service serves beside the one of its own name.
_MORE = {
    "allocation": [
        backtest_service_pb2.DESCRIPTOR.services_by_name["BacktestService"],
        decision_service_pb2.DESCRIPTOR.services_by_name["DecisionService"],
        demand_service_pb2.DESCRIPTOR.services_by_name["DemandService"],
        capacity_service_pb2.DESCRIPTOR.services_by_name["CapacityService"],
        work_service_pb2.DESCRIPTOR.services_by_name["WorkService"],
        adherence_service_pb2.DESCRIPTOR.services_by_name["AdherenceService"],
        split_service_pb2.DESCRIPTOR.services_by_name["SplitService"],
        scenario_service_pb2.DESCRIPTOR.services_by_name["ScenarioService"],
        plan_service_pb2.DESCRIPTOR.services_by_name["PlanService"],
        policy_service_pb2.DESCRIPTOR.services_by_name["PolicyService"],
    ],
    "intake": [
        grouping_service_pb2.DESCRIPTOR.services_by_name["GroupingService"],
        incident_service_pb2.DESCRIPTOR.services_by_name["IncidentService"],
        signal_service_pb2.DESCRIPTOR.services_by_name["SignalService"],
        muting_service_pb2.DESCRIPTOR.services_by_name["MutingService"],
    ],
    "triage": [
        catalogue_service_pb2.DESCRIPTOR.services_by_name["CatalogueService"],
        queue_service_pb2.DESCRIPTOR.services_by_name["QueueService"],
        gate_service_pb2.DESCRIPTOR.services_by_name["GateService"],
        calibration_service_pb2.DESCRIPTOR.services_by_name["CalibrationService"],
        slo_service_pb2.DESCRIPTOR.services_by_name["SloService"],
        sli_service_pb2.DESCRIPTOR.services_by_name["SliService"],
        budget_policy_service_pb2.DESCRIPTOR.services_by_name["BudgetPolicyService"],
        error_budget_service_pb2.DESCRIPTOR.services_by_name["ErrorBudgetService"],
    ],
    "governance": [
        ledger_service_pb2.DESCRIPTOR.services_by_name["LedgerService"],
        lineage_service_pb2.DESCRIPTOR.services_by_name["LineageService"],
        segment_service_pb2.DESCRIPTOR.services_by_name["SegmentService"],
        approval_service_pb2.DESCRIPTOR.services_by_name["ApprovalService"],
        approval_rule_service_pb2.DESCRIPTOR.services_by_name["ApprovalRuleService"],
        access_log_service_pb2.DESCRIPTOR.services_by_name["AccessService"],
    ],
}
# What several serve alike.
_COMMON = [
    event_admin_service_pb2.DESCRIPTOR.services_by_name["EventAdminService"],
    amendment_service_pb2.DESCRIPTOR.services_by_name["AmendmentService"],
]


def contracts_of(service: str) -> Sequence[ServiceDescriptor]:
    """Returns the contracts that a service serves: its own, those beside it, and those that several serve alike."""
    return [_SERVICES[service], *_MORE.get(service, ()), *_COMMON]
