"""Incidents off the wire: what nobody said stays unknown, and is not taken for zero or no."""

from uuid import UUID

import pytest
from ballast.intake.v1 import incident_pb2

from services.triage.domain.incident import Evidence, ServiceImpact
from services.triage.transport.incidents import component_ids, evidence_from_pb, incident_from_pb


def test_evidence_that_nobody_gave_is_unknown() -> None:
    assert evidence_from_pb(incident_pb2.Evidence()) == Evidence()


def test_evidence_of_zero_and_no_is_kept() -> None:
    message = incident_pb2.Evidence(
        users_affected=0,
        service_impact=incident_pb2.SERVICE_IMPACT_INFORMATION,
        data_loss=False,
        security=False,
        safety=False,
        workaround=False,
        burn_rate=0.0,
        recent_change=False,
    )
    assert evidence_from_pb(message) == Evidence(0, ServiceImpact.INFORMATION, False, False, False, False, 0.0, False)


def test_a_component_is_the_same_by_its_id_and_by_its_full_name() -> None:
    assert component_ids(["web", "components/web", "db"]) == ("db", "web")


@pytest.mark.parametrize("state", [each for each in incident_pb2.IncidentState.values() if each])
def test_an_incident_is_read_wherever_it_may_stand(state: "incident_pb2.IncidentState.ValueType") -> None:
    message = incident_pb2.Incident(name=f"incidents/{UUID(int=1)}", state=state, merged_into=f"incidents/{UUID(int=2)}")
    message.opened_at.FromJsonString("2026-03-02T09:00:00Z")
    read = incident_from_pb(message)
    assert (read.state.value, read.merged_into) == (state, f"incidents/{UUID(int=2)}")
