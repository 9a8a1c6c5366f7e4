"""Triage's domain values to protobuf and back."""

from collections.abc import Iterable

from ballast.triage.v1 import assessment_pb2, component_pb2, severity_matrix_pb2
from ballast.triage.v1 import triage_service_pb2 as pb

from services.triage.domain.assessment import Assessment
from services.triage.domain.component import Component, StoredComponent, Tier
from services.triage.domain.difference import Difference
from services.triage.domain.finding import Finding
from services.triage.domain.human_override import HumanOverride
from services.triage.domain.matrix_trial import MatrixTrial
from services.triage.domain.recurrence import Recurrence
from services.triage.domain.score import ScoreTerm
from services.triage.domain.severity import Level, Severity
from services.triage.domain.severity_floor import Measure, SeverityFloor, in_order
from services.triage.domain.severity_matrix import MatrixRevision, SeverityCell, SeverityMatrix, SeverityTarget
from services.triage.storage.assessment_pages import AssessmentOrder, AssessmentQuery
from services.triage.transport.business_hours import hours_from_pb, hours_to_pb
from services.triage.transport.gate_convert import fired_to_pb, undecided_to_pb
from shared.money import Money
from shared.rpc.wellknown import duration_to_pb, money_to_pb, time_to_pb
from shared.storage.etags import etag_of

_MOST_CHANGES = 1_000


def component_from_pb(message: component_pb2.Component, field: str) -> Component:
    """Reads a component; `field` is where it stands in the request. Raises InvalidInput for business hours that are no time."""
    money = message.revenue_per_minute
    return Component(
        name=message.name,
        display_name=message.display_name,
        owner_team=message.owner_team,
        tier=Tier(message.tier) if message.tier else None,
        revenue_per_minute=(
            Money.from_units_and_nanos(money.units, money.nanos, money.currency_code) if message.HasField("revenue_per_minute") else None
        ),
        dependencies=tuple(sorted(message.dependencies)),
        users=message.users if message.HasField("users") else None,
        system=message.system,
        lifecycle=message.lifecycle,
        namespace=message.namespace,
        labels=tuple(sorted(message.labels.items())),
        resources=tuple(sorted(message.resources)),
        severity_floors=in_order(
            SeverityFloor(Severity(each.severity), Measure(each.measure), each.at_least) for each in message.severity_floors
        ),
        business_hours=hours_from_pb(message.business_hours, f"{field}.business_hours") if message.HasField("business_hours") else None,
    )


def component_to_pb(stored: StoredComponent) -> component_pb2.Component:
    component = stored.component
    return component_pb2.Component(
        name=component.name,
        display_name=component.display_name,
        owner_team=component.owner_team,
        tier=component.tier.value if component.tier else None,  # type: ignore[arg-type]  # the numbers are the contract's
        revenue_per_minute=money_to_pb(component.revenue_per_minute),
        dependencies=component.dependencies,
        users=component.users,
        system=component.system,
        lifecycle=component.lifecycle,
        namespace=component.namespace,
        labels=dict(component.labels),
        resources=component.resources,
        severity_floors=[
            component_pb2.SeverityFloor(severity=each.severity.value, measure=each.measure.value, at_least=each.at_least)  # type: ignore[arg-type]
            for each in component.severity_floors
        ],
        business_hours=hours_to_pb(component.business_hours) if component.business_hours else None,
        etag=etag_of(stored.version),
        create_time=time_to_pb(stored.create_time),
        update_time=time_to_pb(stored.update_time),
    )


def matrix_from_pb(message: severity_matrix_pb2.SeverityMatrix) -> SeverityMatrix:
    return SeverityMatrix(
        cells=tuple(SeverityCell(Level(cell.impact), Level(cell.urgency), Severity(cell.severity)) for cell in message.cells),
        impact_thresholds=tuple(message.impact_thresholds),
        urgency_thresholds=tuple(message.urgency_thresholds),
        targets=tuple(
            SeverityTarget(Severity(target.severity), target.time_to_restore.ToTimedelta(), target.report_every.ToTimedelta())
            for target in message.targets
        ),
    )


def matrix_to_pb(made: MatrixRevision) -> severity_matrix_pb2.SeverityMatrix:
    matrix = made.document
    return severity_matrix_pb2.SeverityMatrix(
        revision=made.revision,
        cells=[
            severity_matrix_pb2.SeverityCell(impact=cell.impact.value, urgency=cell.urgency.value, severity=cell.severity.value)  # type: ignore[arg-type]
            for cell in matrix.cells
        ],
        impact_thresholds=matrix.impact_thresholds,
        urgency_thresholds=matrix.urgency_thresholds,
        targets=[
            severity_matrix_pb2.SeverityTarget(
                severity=target.severity.value,  # type: ignore[arg-type]
                time_to_restore=duration_to_pb(target.time_to_restore),
                report_every=duration_to_pb(target.report_every),
            )
            for target in matrix.targets
        ],
        author=made.author,
        reason=made.reason,
        etag=etag_of(made.revision),
        create_time=time_to_pb(made.create_time),
    )


def matrix_trial_to_pb(trial: MatrixTrial) -> pb.DryRunSeverityMatrixResponse:
    return pb.DryRunSeverityMatrixResponse(
        incidents=trial.incidents,
        changes=[
            pb.MatrixChange(incident=each.incident, title=each.title, before=each.before.value, after=each.after.value)  # type: ignore[arg-type]
            for each in trial.changes[:_MOST_CHANGES]
        ],
        changes_left_out=max(0, len(trial.changes) - _MOST_CHANGES),
        counts=[
            pb.SeverityCount(severity=severity.value, before=before, after=after)  # type: ignore[arg-type]
            for severity, (before, after) in trial.counts.items()
        ],
    )


def query_from_pb(request: pb.ListAssessmentsRequest) -> AssessmentQuery:
    chosen = request.filter
    return AssessmentQuery(
        severities=tuple(Severity(severity) for severity in chosen.severities),
        team=chosen.team,
        incident_states=tuple(chosen.incident_states),
        order=AssessmentOrder(request.order) if request.order else AssessmentOrder.EXPECTED_LOSS,
    )


def assessment_to_pb(assessment: Assessment) -> assessment_pb2.Assessment:
    message = finding_to_pb(assessment.finding)
    message.name = assessment.name
    message.revision = assessment.revision
    message.trigger = assessment.trigger
    message.trace_id = assessment.trace_id
    message.create_time.FromDatetime(assessment.create_time)
    message.etag = etag_of(assessment.revision)
    message.differences.extend(_difference_to_pb(each) for each in assessment.differences)
    return message


def simulated_to_pb(finding: Finding, differences: Iterable[Difference]) -> assessment_pb2.Assessment:
    message = finding_to_pb(finding)
    message.differences.extend(_difference_to_pb(each) for each in differences)
    return message


def _difference_to_pb(difference: Difference) -> assessment_pb2.AssessmentDifference:
    return assessment_pb2.AssessmentDifference(
        subject=difference.subject, before=difference.before, after=difference.after, points=difference.points
    )


def finding_to_pb(finding: Finding) -> assessment_pb2.Assessment:
    verdict = finding.verdict
    score = verdict.score
    return assessment_pb2.Assessment(
        incident=finding.incident,
        severity=finding.severity.value,  # type: ignore[arg-type]
        assessed_severity=finding.assessed_severity.value,  # type: ignore[arg-type]
        human_override=_override_to_pb(finding.human_override),
        scored_severity=verdict.scored_severity.value,  # type: ignore[arg-type]
        score=score.points,
        log_odds=score.log_odds,
        intercept=score.intercept,
        offset=score.offset,
        factor=score.factor,
        terms=[_term_to_pb(term) for term in score.terms],
        overrides=[
            assessment_pb2.SeverityOverride(reason=each.reason, at_least=each.at_least.value, applied=each.applied, detail=each.detail)  # type: ignore[arg-type]
            for each in verdict.overrides
        ],
        counterfactuals=[
            assessment_pb2.Counterfactual(feature=each.feature, text=each.text, severity=each.severity.value)  # type: ignore[arg-type]
            for each in finding.counterfactuals
        ],
        impact=verdict.impact.value,  # type: ignore[arg-type]
        urgency=verdict.urgency.value,  # type: ignore[arg-type]
        model_version=finding.model_version,
        weights_hash=finding.weights_hash,
        matrix_revision=finding.matrix_revision,
        components=finding.components,
        unknown_components=finding.unknown_components,
        teams=finding.teams,
        restore_target=duration_to_pb(finding.restore_target),
        expected_loss_per_hour=money_to_pb(finding.expected_loss_per_hour),
        title=finding.title,
        incident_state=finding.state.value,  # type: ignore[arg-type]
        opened_at=time_to_pb(finding.opened_at),
        acknowledged_at=time_to_pb(finding.acknowledged_at),
        resolved_at=time_to_pb(finding.resolved_at),
        merged_into=finding.merged_into,
        gates=[fired_to_pb(each) for each in finding.gates.fired],
        undecided_gates=[undecided_to_pb(each) for each in finding.gates.undecided],
        gates_revision=finding.gates_revision,
        confidence=verdict.confidence or 0,
        severity_chances=verdict.chances.chances if verdict.chances else (),
        recurrence=_recurrence_to_pb(finding.recurrence),
    )


def _recurrence_to_pb(recurrence: Recurrence) -> assessment_pb2.Recurrence:
    return assessment_pb2.Recurrence(
        last_28_days=recurrence.last_28_days,
        last_90_days=recurrence.last_90_days,
        similar=[
            assessment_pb2.SimilarIncident(
                incident=each.incident,
                title=each.title,
                severity=each.severity.value,  # type: ignore[arg-type]
                opened_at=time_to_pb(each.opened_at),
                resolved_at=time_to_pb(each.resolved_at),
            )
            for each in recurrence.similar
        ],
    )


def _override_to_pb(override: HumanOverride | None) -> assessment_pb2.HumanOverride | None:
    if override is None:
        return None
    return assessment_pb2.HumanOverride(
        severity=override.severity.value,  # type: ignore[arg-type]
        reason=override.reason,
        author=override.author,
        create_time=time_to_pb(override.create_time),
    )


def _term_to_pb(term: ScoreTerm) -> assessment_pb2.ScoreTerm:
    return assessment_pb2.ScoreTerm(
        feature=term.feature,
        axis=term.axis.value,  # type: ignore[arg-type]
        value=term.value,
        missing=term.missing,
        contribution=term.contribution,
        points=term.points,
        reason=term.reason,
    )
