"""The queue of a running triage: its order, following it, people's severities, and incidents assessed again."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ballast.intake.v1 import intake_events_pb2
from ballast.triage.v1 import assessment_pb2, component_pb2, what_if_pb2
from ballast.triage.v1 import queue_service_pb2 as pb
from ballast.triage.v1 import severity_matrix_pb2 as matrix_pb
from ballast.triage.v1 import triage_service_pb2 as triage_pb
from google.type.money_pb2 import Money

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import Conflict, InvalidInput, NotFound
from tests.conftest import START
from tests.support.triaging import (
    INFORMATION,
    OUTAGE,
    RESOLVED,
    Suite,
    assessment,
    changed,
    deliver,
    incident,
    made,
    opened,
    triage_serving,
)
from tests.support.waiting import until

SEV1, SEV2, SEV4 = matrix_pb.SEVERITY_SEV1, matrix_pb.SEVERITY_SEV2, matrix_pb.SEVERITY_SEV4


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    itself = {
        "triage": {"address": "127.0.0.1:1", "types": ["ballast.triage.v1.ComponentChanged", "ballast.triage.v1.SeverityMatrixChanged"]}
    }
    async with triage_serving(urls, engines, clock, subscribers=itself) as running:
        yield running


async def override(suite: Suite, name: str, severity: int, reason: str = "I saw it", **more: Any) -> assessment_pb2.Assessment:
    request = pb.OverrideSeverityRequest(name=name, severity=severity, reason=reason, **more)  # type: ignore[arg-type]
    return (await suite.queue.OverrideSeverity(request)).assessment


async def withdraw(suite: Suite, name: str, **more: Any) -> assessment_pb2.Assessment:
    return (await suite.queue.WithdrawOverride(pb.WithdrawOverrideRequest(name=name, reason="I was wrong", **more))).assessment


async def records(suite: Suite, name: str = "") -> list[pb.OverrideRecord]:
    return list((await suite.queue.ListOverrides(pb.ListOverridesRequest(incident=name))).overrides)


async def store(suite: Suite, name: str, **values: Any) -> None:
    component = component_pb2.Component(name=f"components/{name}", **values)
    await suite.triage.UpsertComponents(triage_pb.UpsertComponentsRequest(components=[component]))


async def test_a_persons_severity_counts_and_what_was_assessed_stays_beside_it(suite: Suite) -> None:
    happened = incident("pay", **OUTAGE)
    await deliver(suite, opened(happened))
    before = await assessment(suite, happened.name)
    after = await override(suite, happened.name, SEV4, "only the test shop")
    assert (after.severity, after.assessed_severity, after.revision) == (SEV4, before.severity, 2)
    assert (after.human_override.reason, after.human_override.author) == ("only the test shop", "ada")
    assert after.restore_target.ToTimedelta() > before.restore_target.ToTimedelta()
    assert after.differences[0].subject == "severity"
    assert await assessment(suite, happened.name) == after
    assert [each.previous_severity for each in await made(suite, after.name)] == [0, before.severity]


async def test_a_persons_severity_stays_when_the_evidence_changes_and_goes_when_it_is_taken_back(suite: Suite) -> None:
    happened = incident("pay", **INFORMATION)
    await deliver(suite, opened(happened))
    await override(suite, happened.name, SEV1)
    worse = incident("pay", name=happened.name, users_affected=10, **INFORMATION)
    await deliver(suite, changed(worse, 2))
    held = await assessment(suite, happened.name)
    assert (held.severity, held.revision) == (SEV1, 3)
    after = await withdraw(suite, held.name, etag=held.etag)
    assert after.severity == after.assessed_severity != SEV1
    assert (after.trigger, after.HasField("human_override")) == ("OVERRIDE_WITHDRAWN", False)
    assert [(each.severity, each.assessment_revision) for each in await records(suite, happened.name)] == [(0, 3), (SEV1, 1)]


async def test_taking_back_what_nobody_gave_changes_nothing(suite: Suite) -> None:
    happened = incident("pay")
    await deliver(suite, opened(happened))
    assert (await withdraw(suite, happened.name)).revision == 1
    assert await records(suite, happened.name) == []


async def test_an_override_of_what_changed_meanwhile_is_refused_and_kept_nowhere(suite: Suite) -> None:
    happened = incident("pay")
    await deliver(suite, opened(happened))
    with pytest.raises(Conflict, match="read it again"):
        await override(suite, happened.name, SEV1, etag="v9")
    assert await records(suite, happened.name) == []
    with pytest.raises(NotFound):
        await override(suite, f"incidents/{uuid.uuid4()}", SEV1)
    with pytest.raises(InvalidInput, match="reason"):
        await override(suite, happened.name, SEV1, reason="")


async def test_an_override_sent_twice_is_given_once(suite: Suite) -> None:
    happened, request_id = incident("pay"), str(uuid.uuid4())
    await deliver(suite, opened(happened))
    first = await override(suite, happened.name, SEV1, request_id=request_id)
    assert await override(suite, happened.name, SEV1, request_id=request_id) == first
    assert len(await records(suite, happened.name)) == 1


async def test_two_people_at_once_both_stand_on_record(suite: Suite) -> None:
    happened = incident("pay")
    await deliver(suite, opened(happened))
    await asyncio.gather(*(override(suite, happened.name, severity) for severity in (SEV1, SEV2)))
    assert {each.severity for each in await records(suite, happened.name)} == {SEV1, SEV2}
    assert (await assessment(suite, happened.name)).revision == 3


async def test_overrides_are_listed_newest_first_page_by_page(suite: Suite) -> None:
    happened = incident("pay")
    await deliver(suite, opened(happened))
    for number in range(3):
        await override(suite, happened.name, SEV1, f"reason {number}")
    request = pb.ListOverridesRequest(incident=happened.name, page_size=2)
    first = await suite.queue.ListOverrides(request)
    second = await suite.queue.ListOverrides(pb.ListOverridesRequest(incident=happened.name, page_size=2, page_token=first.next_page_token))
    assert [each.reason for each in (*first.overrides, *second.overrides)] == ["reason 2", "reason 1", "reason 0"]


async def test_the_queue_begins_with_what_costs_most_an_hour_then_the_worst(suite: Suite) -> None:
    usd = {name: Money(currency_code="USD", units=units) for name, units in (("cheap", 1), ("dear", 50))}
    for name, money in usd.items():
        await store(suite, name, owner_team="teams/queue", revenue_per_minute=money)
    await store(suite, "elsewhere", owner_team="teams/queue", revenue_per_minute=Money(currency_code="EUR", units=900))
    told = {
        "cheap": incident("cheap", **OUTAGE),
        "dear": incident("dear", **OUTAGE),
        "euro": incident("elsewhere", safety=True, **OUTAGE),
        "mild": incident("elsewhere", **INFORMATION),
    }
    await deliver(suite, *(opened(each) for each in told.values()))
    names, token = [], ""
    while True:
        chosen = triage_pb.AssessmentFilter(team="teams/queue")
        page = await suite.triage.ListAssessments(triage_pb.ListAssessmentsRequest(filter=chosen, page_size=1, page_token=token))
        names += [each.incident for each in page.assessments]
        token = page.next_page_token
        if not token:
            break
    assert names == [told[key].name for key in ("dear", "cheap", "euro", "mild")]


async def test_following_the_queue_misses_nothing_and_goes_on_after_its_token(suite: Suite) -> None:
    stream = suite.queue.WatchAssessments(pb.WatchAssessmentsRequest())
    token = (await anext(aiter(stream))).resume_token
    happened = incident("pay", **OUTAGE)
    await deliver(suite, opened(happened))
    await override(suite, happened.name, SEV4)
    again = suite.queue.WatchAssessments(pb.WatchAssessmentsRequest(resume_token=token))
    seen: list[tuple[str, int]] = []
    async for answer in again:
        if answer.HasField("assessment"):
            seen.append((answer.assessment.incident, answer.assessment.revision))
        if len(seen) == 2:
            break
    assert seen == [(happened.name, 1), (happened.name, 2)]
    with pytest.raises(InvalidInput, match="resume_token"):
        async for _ in suite.queue.WatchAssessments(pb.WatchAssessmentsRequest(resume_token="mine")):
            pass


async def test_a_changed_component_has_its_open_incidents_assessed_again(suite: Suite) -> None:
    happened, over = incident("later", **OUTAGE), incident("later", **OUTAGE)
    await deliver(suite, opened(happened), opened(over))
    over.state = RESOLVED  # type: ignore[assignment]
    await deliver(suite, changed(over, 2, intake_events_pb2.INCIDENT_CHANGE_RESOLVED))
    await store(suite, "later", owner_team="teams/later", tier=component_pb2.TIER_CRITICAL)

    async def is_known() -> bool:
        return list((await assessment(suite, happened.name)).components) == ["components/later"]

    await until(is_known)
    found = await assessment(suite, happened.name)
    assert (found.revision, found.trigger, list(found.teams)) == (2, "COMPONENT_CHANGED", ["teams/later"])
    assert "tier" in [each.subject for each in found.differences if each.points]
    assert list((await assessment(suite, over.name)).unknown_components) == ["later"]


async def test_a_new_dependent_counts_for_the_open_incidents_of_what_it_needs(suite: Suite) -> None:
    await store(suite, "ground")
    await store(suite, "floor", dependencies=["components/ground"])
    happened = incident("ground", **OUTAGE)
    await deliver(suite, opened(happened))
    await store(suite, "roof", dependencies=["components/floor"])

    async def counts_two() -> bool:
        return any(each.feature == "dependents" and each.value == "2" for each in (await assessment(suite, happened.name)).terms)

    await until(counts_two)


async def test_a_changed_matrix_has_every_open_incident_assessed_again(suite: Suite) -> None:
    happened = incident("mail", at=START, **INFORMATION)
    await deliver(suite, opened(happened))
    before = await assessment(suite, happened.name)
    matrix = (await suite.triage.GetSeverityMatrix(triage_pb.GetSeverityMatrixRequest())).matrix
    matrix.impact_thresholds[:] = [-100, -50]
    await suite.triage.UpdateSeverityMatrix(triage_pb.UpdateSeverityMatrixRequest(matrix=matrix))

    async def is_worse() -> bool:
        return (await assessment(suite, happened.name)).severity < before.severity

    await until(is_worse)
    assert (await assessment(suite, happened.name)).trigger == "SEVERITY_MATRIX_CHANGED"


async def test_what_if_starts_from_an_incident_and_says_what_would_be_other(suite: Suite) -> None:
    happened = incident("pay", users_affected=10, **INFORMATION)
    await deliver(suite, opened(happened))
    before = await assessment(suite, happened.name)
    changes = [what_if_pb2.InputChange(feature="service_impact", choice="outage"), what_if_pb2.InputChange(feature="users_affected")]
    request = triage_pb.SimulateAssessmentRequest(incident=happened.name, changes=changes)
    found = (await suite.triage.SimulateAssessment(request)).assessment
    assert found.score > before.score
    moved = {each.subject: (each.before, each.after) for each in found.differences}
    assert (moved["service_impact"], moved["users_affected"]) == (("information", "outage"), ("10", "unknown"))
    assert "business_hours" not in moved
    assert (await suite.triage.SimulateAssessment(request)).assessment == found
    assert await assessment(suite, happened.name) == before
    same = await suite.triage.SimulateAssessment(triage_pb.SimulateAssessmentRequest(incident=happened.name))
    assert list(same.assessment.differences) == []
    with pytest.raises(InvalidInput, match="did you mean users_affected"):
        await suite.triage.SimulateAssessment(
            triage_pb.SimulateAssessmentRequest(changes=[what_if_pb2.InputChange(feature="users_afected", number=1)])
        )
