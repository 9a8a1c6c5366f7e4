"""Assessments of a running triage: what it makes of intake's events, and what it tells others."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from ballast.intake.v1 import incident_pb2, intake_events_pb2
from ballast.triage.v1 import component_pb2, severity_matrix_pb2, triage_events_pb2
from ballast.triage.v1 import triage_service_pb2 as pb
from google.type.money_pb2 import Money
from sqlalchemy import text

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound
from tests.conftest import START
from tests.support.triaging import (
    ACCEPTED,
    ACKNOWLEDGED,
    INFORMATION,
    OPEN,
    OUTAGE,
    RESOLVED,
    STALE,
    Suite,
    assessment,
    changed,
    deliver,
    incident,
    made,
    opened,
    told,
    triage_serving,
)


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    async with triage_serving(urls, engines, clock) as running:
        yield running


async def test_an_opened_incident_is_assessed_with_all_that_led_to_it(suite: Suite) -> None:
    happened = incident("pay", "shop", users_affected=5000, **OUTAGE)
    assert await deliver(suite, opened(happened)) == [ACCEPTED]
    found = await assessment(suite, happened.name)
    assert (found.incident, found.revision, found.trigger) == (happened.name, 1, "INCIDENT_OPENED")
    assert found.severity in {severity_matrix_pb2.SEVERITY_SEV1, severity_matrix_pb2.SEVERITY_SEV2}
    assert list(found.components) == ["components/pay", "components/shop"]
    assert list(found.teams) == ["teams/money", "teams/shop"]
    assert found.restore_target.seconds == 3600
    assert found.expected_loss_per_hour == Money(currency_code="USD", units=6000)
    assert (found.title, found.incident_state) == ("Payments fail", OPEN)
    assert found.opened_at.ToDatetime(tzinfo=START.tzinfo) == START
    assert await assessment(suite, found.name) == found


async def test_terms_add_up_exactly_over_the_wire(suite: Suite) -> None:
    happened = incident("pay", users_affected=777, burn_rate=3.3, alert_count=9, **OUTAGE)
    await deliver(suite, opened(happened))
    found = await assessment(suite, happened.name)
    assert len(found.terms) == 16
    assert found.intercept + sum(term.contribution for term in found.terms) == found.log_odds
    assert found.offset + sum(term.points for term in found.terms) == found.score
    assert found.offset + found.factor * found.log_odds == found.score


async def test_components_that_need_the_affected_one_through_others_are_counted(suite: Suite) -> None:
    happened = incident("ledger")
    await deliver(suite, opened(happened))
    terms = {term.feature: term for term in (await assessment(suite, happened.name)).terms}
    assert terms["dependents"].value == "3 of what is known; some components are not"
    simulated = await suite.triage.SimulateAssessment(pb.SimulateAssessmentRequest(components=["pay"]))
    assert {term.feature: term.value for term in simulated.assessment.terms}["dependents"] == "2"


async def test_an_incident_of_unknown_components_is_assessed_and_says_so(suite: Suite) -> None:
    happened = incident("ghost", "mail")
    await deliver(suite, opened(happened))
    found = await assessment(suite, happened.name)
    assert list(found.components) == ["components/mail"]
    assert list(found.unknown_components) == ["ghost"]
    assert found.severity == severity_matrix_pb2.SEVERITY_SEV3
    missing = {term.feature for term in found.terms if term.missing}
    assert {"tier", "revenue_per_minute", "service_impact"} <= missing
    assert not found.HasField("expected_loss_per_hour")


async def test_every_change_of_the_finding_is_a_revision_that_stays_readable_and_is_told(suite: Suite) -> None:
    happened = incident("pay", **INFORMATION)
    await deliver(suite, opened(happened))
    worse = incident("pay", name=happened.name, **OUTAGE)
    await deliver(suite, changed(worse, 2))
    taken = incident("pay", name=happened.name, state=ACKNOWLEDGED, **OUTAGE)
    taken.acknowledged_at.FromDatetime(START + timedelta(minutes=5))
    await deliver(suite, changed(taken, 3, intake_events_pb2.INCIDENT_CHANGE_ACKNOWLEDGED))
    over = incident("pay", name=happened.name, state=RESOLVED, **OUTAGE)
    over.resolved_at.FromDatetime(START + timedelta(hours=1))
    await deliver(suite, changed(over, 4, intake_events_pb2.INCIDENT_CHANGE_RESOLVED))
    last = await assessment(suite, happened.name)
    revisions = [await assessment(suite, last.name, revision) for revision in (1, 2, 3, 4)]
    assert revisions[3] == last
    assert await assessment(suite, happened.name, 2) == revisions[1]
    assert [each.trigger for each in revisions] == ["INCIDENT_OPENED", "ALERTS_CHANGED", "INCIDENT_ACKNOWLEDGED", "INCIDENT_RESOLVED"]
    assert [each.severity for each in revisions] == [4, 2, 2, 2]
    assert revisions[3].resolved_at.ToDatetime(tzinfo=START.tzinfo) == START + timedelta(hours=1)
    events = await made(suite, last.name)
    assert [each.assessment for each in events] == revisions
    assert [each.previous_severity for each in events] == [0, 4, 2, 2]


async def test_an_incident_that_was_mitigated_reopened_and_merged_is_assessed_at_each_step(suite: Suite) -> None:
    happened = incident("pay", **OUTAGE)
    await deliver(suite, opened(happened))
    steps = (
        (incident_pb2.INCIDENT_STATE_MITIGATED, intake_events_pb2.INCIDENT_CHANGE_MITIGATED, ""),
        (ACKNOWLEDGED, intake_events_pb2.INCIDENT_CHANGE_REOPENED, ""),
        (RESOLVED, intake_events_pb2.INCIDENT_CHANGE_MERGED, f"incidents/{uuid.uuid4()}"),
    )
    for version, (state, what, into) in enumerate(steps, start=2):
        changing = incident("pay", name=happened.name, state=state, **OUTAGE)
        changing.merged_into = into
        assert await deliver(suite, changed(changing, version, what)) == [ACCEPTED]
        found = await assessment(suite, happened.name)
        assert (found.incident_state, found.merged_into, found.revision) == (state, into, version)
        assert found.trigger == intake_events_pb2.IncidentChange.Name(what).replace("_CHANGE", "")


async def test_the_same_inputs_make_no_revision_and_tell_nobody(suite: Suite) -> None:
    happened = incident("pay", alert_count=600, **OUTAGE)
    await deliver(suite, opened(happened))
    first = await assessment(suite, happened.name)
    noisier = incident("pay", name=happened.name, alert_count=601, **OUTAGE)
    assert await deliver(suite, changed(noisier, 2)) == [ACCEPTED]
    assert await assessment(suite, happened.name) == first
    assert len(await told(suite, first.name)) == 1


async def test_an_event_older_than_what_is_held_is_dropped(suite: Suite) -> None:
    happened = incident("pay", **OUTAGE)
    over = incident("pay", name=happened.name, state=RESOLVED, **OUTAGE)
    assert await deliver(suite, changed(over, 5, intake_events_pb2.INCIDENT_CHANGE_RESOLVED)) == [ACCEPTED]
    assert await deliver(suite, opened(happened)) == [STALE]
    found = await assessment(suite, happened.name)
    assert (found.revision, found.incident_state) == (1, RESOLVED)


async def test_a_version_that_made_no_revision_still_makes_older_events_stale(suite: Suite) -> None:
    happened = incident("pay", **OUTAGE)
    await deliver(suite, opened(happened), changed(happened, 7))
    milder = incident("pay", name=happened.name, **INFORMATION)
    assert await deliver(suite, changed(milder, 6)) == [STALE]
    assert (await assessment(suite, happened.name)).revision == 1


async def test_an_event_delivered_twice_is_assessed_once(suite: Suite) -> None:
    once = opened(incident("pay"))
    assert await deliver(suite, once) == await deliver(suite, once) == [ACCEPTED]


async def test_an_event_that_cannot_be_assessed_is_refused_naming_the_fields(suite: Suite) -> None:
    broken = incident("pay", name="incidents/7", state=0)
    broken.ClearField("opened_at")
    with pytest.raises(InvalidInput) as refused:
        await deliver(suite, opened(broken))
    assert [each.field for each in refused.value.violations] == ["incident.name", "incident.state", "incident.opened_at"]


async def test_assessments_are_listed_newest_incident_first_by_team_severity_and_state(suite: Suite) -> None:
    await suite.triage.UpsertComponents(
        pb.UpsertComponentsRequest(
            components=[component_pb2.Component(name="components/listed", owner_team="teams/listed", tier=component_pb2.TIER_CRITICAL)]
        )
    )
    mild, old, new = (
        incident("listed", at=START + timedelta(minutes=2), **INFORMATION),
        incident("listed", at=START, **OUTAGE),
        incident("listed", at=START + timedelta(minutes=1), state=ACKNOWLEDGED, **OUTAGE),
    )
    await deliver(suite, *(opened(each) for each in (old, mild, new)))

    async def listed(**conditions: Any) -> list[str]:
        request = pb.ListAssessmentsRequest(
            filter=pb.AssessmentFilter(team="teams/listed", **conditions), page_size=2, order=pb.ASSESSMENT_ORDER_NEWEST
        )
        names = []
        while True:
            page = await suite.triage.ListAssessments(request)
            names += [each.incident for each in page.assessments]
            request.page_token = page.next_page_token
            if not page.next_page_token:
                return names

    assert await listed() == [mild.name, new.name, old.name]
    assert await listed(severities=[1, 2]) == [new.name, old.name]
    assert await listed(incident_states=[ACKNOWLEDGED]) == [new.name]
    assert await listed(severities=[4], incident_states=[ACKNOWLEDGED]) == []


async def test_a_list_shows_the_newest_revision_only(suite: Suite) -> None:
    happened = incident("mail", **INFORMATION)
    await deliver(suite, opened(happened), changed(incident("mail", name=happened.name, safety=True), 2))
    page = await suite.triage.ListAssessments(pb.ListAssessmentsRequest(filter=pb.AssessmentFilter(team="teams/mail"), page_size=1000))
    assert [(each.revision, each.severity) for each in page.assessments if each.incident == happened.name] == [(2, 1)]


@pytest.mark.parametrize("name", [f"assessments/{uuid.uuid4()}", f"incidents/{uuid.uuid4()}"])
async def test_an_assessment_that_is_not_there_says_so(suite: Suite, name: str) -> None:
    with pytest.raises(NotFound) as missing:
        await assessment(suite, name)
    assert missing.value.reason == "ASSESSMENT_NOT_FOUND"


async def test_a_revision_that_is_not_there_says_so(suite: Suite) -> None:
    happened = incident("pay")
    await deliver(suite, opened(happened))
    with pytest.raises(NotFound) as missing:
        await assessment(suite, happened.name, 9)
    assert (missing.value.reason, missing.value.metadata["revision"]) == ("ASSESSMENT_NOT_FOUND", "9")


async def test_a_simulation_agrees_with_the_real_thing_and_stores_nothing(suite: Suite) -> None:
    happened = incident("pay", "ghost", users_affected=1200, **OUTAGE)
    await deliver(suite, opened(happened))
    real = await assessment(suite, happened.name)
    request = pb.SimulateAssessmentRequest(components=["pay", "ghost"], evidence=happened.evidence, opened_at=happened.opened_at)
    before = await _counts(suite)
    first = (await suite.triage.SimulateAssessment(request)).assessment
    assert (await suite.triage.SimulateAssessment(request)).assessment == first
    assert await _counts(suite) == before
    for field in ("severity", "score", "terms", "counterfactuals", "components", "unknown_components", "restore_target", "weights_hash"):
        assert getattr(first, field) == getattr(real, field)
    assert (first.name, first.incident, first.trace_id) == ("", "", "")


@pytest.mark.parametrize(
    ("evidence", "field"),
    [
        ({"users_affected": -1}, "evidence.users_affected"),
        ({"burn_rate": float("nan")}, "evidence.burn_rate"),
        ({"service_impact": 9}, "evidence.service_impact"),
        ({"redundancy_left": 1.5}, "evidence.redundancy_left"),
        ({"flap_count": -1}, "evidence.flap_count"),
    ],
)
async def test_a_simulation_of_the_impossible_is_refused_by_field(suite: Suite, evidence: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await suite.triage.SimulateAssessment(pb.SimulateAssessmentRequest(evidence=incident_pb2.Evidence(**evidence)))
    assert [each.field for each in refused.value.violations] == [field]


async def test_catalogue_and_matrix_changes_are_told(suite: Suite) -> None:
    component = component_pb2.Component(name="components/told", display_name="Told")
    stored = (await suite.triage.UpsertComponents(pb.UpsertComponentsRequest(components=[component]))).components[0]
    data = triage_events_pb2.ComponentChanged()
    wires = await told(suite, "components/told")
    assert len(wires) == 1
    assert wires[0].proto_data.Unpack(data)
    assert data.component == stored
    matrix = (await suite.triage.GetSeverityMatrix(pb.GetSeverityMatrixRequest(revision=1))).matrix
    seeded = triage_events_pb2.SeverityMatrixChanged()
    assert (await told(suite, "severityMatrix"))[0].proto_data.Unpack(seeded)
    assert seeded.matrix == matrix


async def test_an_assessment_carries_the_trace_it_was_made_in(suite: Suite) -> None:
    happened = incident("pay")
    await deliver(suite, opened(happened))
    found = await assessment(suite, happened.name)
    traceparent = (await told(suite, found.name))[0].attributes["traceparent"].ce_string
    assert len(found.trace_id) == 32
    assert traceparent.split("-")[1] == found.trace_id


async def _counts(suite: Suite) -> tuple[int, ...]:
    async with suite.app.database.transaction() as connection:
        tables = ("assessment", "assessment_revision", "outbox")
        return tuple([(await connection.execute(text(f"select count(*) from {table}"))).scalar_one() for table in tables])
