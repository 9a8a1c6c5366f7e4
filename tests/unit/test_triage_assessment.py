"""Assessments: promises, what is reported of components, and that the same incident gives the same finding."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from services.triage.domain.component import Tier
from services.triage.domain.defaults import default_matrix
from services.triage.domain.incident import Evidence, Incident, IncidentState, ServiceImpact
from services.triage.domain.inputs import Surroundings
from services.triage.domain.promise import expected_loss_per_hour, restore_target
from services.triage.domain.severity import Severity
from shared.errors import InvalidInput
from tests.support.triage import MONDAY_NOON, SUNDAY_NIGHT, assessed, assessed_in, component, incident, money_of, situations


@pytest.mark.parametrize(("severity", "critical", "others"), [(1, 1, 1), (2, 1, 4), (3, 1, 4), (4, 24, 24), (5, 72, 72)])
def test_the_default_targets_in_hours(severity: int, critical: int, others: int) -> None:
    matrix = default_matrix()
    found = [restore_target(Severity(severity), [component("web", tier)], matrix) for tier in (Tier.CRITICAL, Tier.HIGH)]
    assert found == [timedelta(hours=critical), timedelta(hours=others)]


def test_a_looser_matrix_is_tightened_for_what_pages_and_a_tighter_one_is_kept() -> None:
    matrix = default_matrix()
    loose = replace(matrix, targets=tuple(replace(target, time_to_restore=timedelta(days=9)) for target in matrix.targets))
    tight = replace(matrix, targets=tuple(replace(target, time_to_restore=timedelta(minutes=9)) for target in matrix.targets))
    assert restore_target(Severity.SEV3, [], loose) == timedelta(hours=4)
    assert restore_target(Severity.SEV4, [], loose) == timedelta(days=9)
    assert restore_target(Severity.SEV3, [component(tier=Tier.CRITICAL)], tight) == timedelta(minutes=9)


@pytest.mark.parametrize(
    ("impact", "an_hour"), [(ServiceImpact.OUTAGE, "6000"), (ServiceImpact.DISRUPTION, "1800"), (ServiceImpact.INFORMATION, "0")]
)
def test_an_hour_costs_sixty_minutes_of_revenue_by_the_extent_of_the_impact(impact: ServiceImpact, an_hour: str) -> None:
    components = [component("a", revenue="75.50 EUR"), component("b", revenue="24.50 EUR"), component("c")]
    assert expected_loss_per_hour(components, impact) == money_of(f"{an_hour} EUR")


def test_a_loss_that_cannot_be_known_is_absent() -> None:
    assert expected_loss_per_hour([component("a")], ServiceImpact.OUTAGE) is None
    assert expected_loss_per_hour([component("a", revenue="1 USD")], None) is None
    assert expected_loss_per_hour([component("a", revenue="1 USD"), component("b", revenue="1 EUR")], ServiceImpact.OUTAGE) is None


def test_components_outside_the_catalogue_are_reported_and_the_rest_named_with_their_teams() -> None:
    known = [component("b", owner_team="teams/y"), component("a", owner_team="teams/x"), component("c")]
    finding = assessed(incident("zz", "c", "b", "a", "ghost"), *known)
    assert finding.components == ("components/a", "components/b", "components/c")
    assert finding.unknown_components == ("ghost", "zz")
    assert finding.teams == ("teams/x", "teams/y")


@given(situations())
def test_the_same_incident_gives_the_same_finding(situation: tuple[Incident, Surroundings]) -> None:
    happened, around = situation
    assert assessed(happened, *around.known) == assessed(replace(happened), *around.known)


def test_a_change_of_state_is_a_change_of_the_finding() -> None:
    opened = replace(incident("web"), changed_at=SUNDAY_NIGHT)
    resolved = replace(opened, state=IncidentState.RESOLVED, resolved_at=MONDAY_NOON)
    around = Surroundings(now=SUNDAY_NIGHT)
    assert assessed_in(around, opened) != assessed_in(around, resolved)
    assert assessed_in(around, opened).verdict == assessed_in(around, resolved).verdict


def test_an_acknowledgement_is_a_change_of_the_finding() -> None:
    opened = incident("web")
    taken = replace(opened, acknowledged_at=MONDAY_NOON)
    assert assessed(opened) != assessed(taken)


def test_a_finding_names_the_model_and_the_matrix_it_rests_on() -> None:
    finding = assessed(incident("web"))
    assert finding.model_version == "2026.2"
    assert len(finding.weights_hash) == 64
    assert finding.matrix_revision == 1


@pytest.mark.parametrize(
    ("evidence", "field"),
    [
        (Evidence(users_affected=-1), "evidence.users_affected"),
        (Evidence(burn_rate=-0.5), "evidence.burn_rate"),
        (Evidence(burn_rate=float("nan")), "evidence.burn_rate"),
        (Evidence(burn_rate=float("inf")), "evidence.burn_rate"),
        (Evidence(redundancy_left=1.01), "evidence.redundancy_left"),
        (Evidence(redundancy_left=-0.01), "evidence.redundancy_left"),
        (Evidence(redundancy_left=float("nan")), "evidence.redundancy_left"),
        (Evidence(flap_count=-1), "evidence.flap_count"),
    ],
)
def test_evidence_that_no_incident_can_have_is_refused_by_name(evidence: Evidence, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        evidence.check()
    assert [violation.field for violation in refused.value.violations] == [field]
