"""Triage's documents under change control: severity matrix, gating rules, budget policy, and what a change of each would do."""

from collections.abc import Sequence

from ballast.governance.v1.approval_pb2 import ImpactPreview
from ballast.triage.v1 import budget_policy_pb2, gate_pb2, severity_matrix_pb2

from services.triage.domain.budget_policy import BudgetPolicy
from services.triage.domain.gate import Rules
from services.triage.domain.gate_trial import GateChange
from services.triage.domain.matrix_trial import MatrixChange
from services.triage.domain.severity_matrix import SeverityMatrix
from services.triage.transport.budget_events import POLICY_SUBJECT
from services.triage.transport.budget_policy_convert import policy_from_pb, policy_to_pb
from services.triage.transport.convert import matrix_from_pb, matrix_to_pb
from services.triage.transport.events import GATES_SUBJECT, MATRIX_SUBJECT
from services.triage.transport.gate_convert import gates_to_pb, rules_from_pb
from services.triage.usecases.budget_parts import BudgetParts
from services.triage.usecases.budget_policies import BudgetPolicies
from services.triage.usecases.budget_trials import BudgetTrials
from services.triage.usecases.gate_trials import GateTrials
from services.triage.usecases.gating import Gating
from services.triage.usecases.matrices import Matrices
from shared.amendments.document import DocumentKind
from shared.amendments.revisions import Wire, kind_of_revisions
from shared.clock import Clock

_TRIED = 1000  # incidents, the latest
_TRIED_BY_GATES = 200  # conditions are asked about each
_SHOWN = 20  # facts, of a hundred that approvers may be given


def kinds(matrices: Matrices, gating: Gating, trials: GateTrials, budgets: BudgetParts, clock: Clock) -> tuple[DocumentKind, ...]:
    """Returns every kind of document that triage keeps."""
    return matrix_kind(matrices), gates_kind(gating, trials), budget_policy_kind(budgets.policies, budgets.trials, clock)


def matrix_kind(matrices: Matrices) -> DocumentKind:
    async def preview(matrix: SeverityMatrix) -> ImpactPreview:
        trial = await matrices.try_(matrix, _TRIED)
        return _severities_impact(trial.incidents, trial.changes)

    wire = Wire(severity_matrix_pb2.SeverityMatrix, matrix_from_pb, matrix_to_pb)
    return kind_of_revisions("severity-matrix", MATRIX_SUBJECT, matrices, wire, preview)


def gates_kind(gating: Gating, trials: GateTrials) -> DocumentKind:
    async def preview(rules: Rules) -> ImpactPreview:
        trial = await trials.run(rules, _TRIED_BY_GATES)
        impact = _severities_impact(trial.incidents, trial.changes)
        undecided = [f"{each.rule} could not be asked about {each.undecided} of them" for each in trial.counts if each.undecided]
        impact.facts.extend(undecided[:_SHOWN])
        impact.measures["gates_fired"] = sum(each.fired for each in trial.counts)
        return impact

    wire = Wire(gate_pb2.GatingRules, lambda message: rules_from_pb(message.rules), gates_to_pb)
    return kind_of_revisions("gating-rules", GATES_SUBJECT, gating, wire, preview)


def budget_policy_kind(policies: BudgetPolicies, trials: BudgetTrials, clock: Clock) -> DocumentKind:
    async def preview(policy: BudgetPolicy) -> ImpactPreview:
        trial = await trials.run(policy, clock.now())
        steps = [(each, each.before or "no step", each.after or "no step") for each in trial.changes[:_SHOWN]]
        facts = [f"{each.slo} objective {each.objective}: {before} → {after}" for each, before, after in steps]
        measures = {"budgets_tried": float(trial.budgets), "budgets_changed": float(len(trial.changes))}
        summary = f"{len(trial.changes)} of {trial.budgets} error budgets would be in another step now."
        return ImpactPreview(summary=summary, facts=facts, measures=measures)

    wire = Wire(budget_policy_pb2.BudgetPolicy, policy_from_pb, policy_to_pb)
    return kind_of_revisions("budget-policy", POLICY_SUBJECT, policies, wire, preview)


def _severities_impact(tried: int, changes: Sequence[MatrixChange] | Sequence[GateChange]) -> ImpactPreview:
    """Returns what would become of the severities of incidents that happened; a lower number is worse."""
    raised = sum(each.after < each.before for each in changes)
    return ImpactPreview(
        summary=f"{len(changes)} of the latest {tried} incidents would have another severity: {raised} a worse one.",
        facts=[f"{each.incident}: {each.before.name} → {each.after.name}: {each.title}"[:1024] for each in changes[:_SHOWN]],
        severity=min((min(each.before, each.after) for each in changes), default=0),
        measures={"incidents_tried": tried, "incidents_changed": len(changes), "incidents_raised": raised},
    )
