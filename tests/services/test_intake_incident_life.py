"""The life of an incident over the wire: declaring, mitigating and reopening it, and saying who does what, how bad it is, and why."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from ballast.events.v1.call_recorded_pb2 import CallRecorded
from ballast.events.v1.cloudevents_pb2 import CloudEvent
from ballast.intake.v1 import incident_pb2 as m
from ballast.intake.v1 import incident_service_pb2 as pb
from ballast.intake.v1 import intake_service_pb2 as intake_pb
from ballast.intake.v1.incident_shaping_pb2 import MergeIncidentsRequest, ReopenIncidentRequest, SplitIncidentRequest
from ballast.intake.v1.intake_events_pb2 import IncidentChange, IncidentChanged
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import BallastError, Conflict, InvalidInput, NotFound, PreconditionFailed
from shared.events.event import received_event
from tests.conftest import START
from tests.support.intake import Intake, intake_serving, report
from tests.support.signals import change as deploy
from tests.support.signals import report as report_changes
from tests.support.signals import signals_of

NOBODY = f"incidents/{uuid.UUID(int=0)}"
SEV1, SEV2 = m.INCIDENT_SEVERITY_SEV1, m.INCIDENT_SEVERITY_SEV2


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


def at(seconds: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(START + timedelta(seconds=seconds))
    return stamp


async def declared(intake: Intake, **fields: Any) -> m.Incident:
    return (await intake.life.DeclareIncident(pb.DeclareIncidentRequest(**({"title": "checkout is down"} | fields)))).incident


async def mitigated(intake: Intake, name: str, **fields: Any) -> m.Incident:
    return (await intake.life.MitigateIncident(pb.MitigateIncidentRequest(name=name, **fields))).incident


async def reopened(intake: Intake, name: str, **fields: Any) -> m.Incident:
    return (await intake.life.ReopenIncident(ReopenIncidentRequest(**({"name": name, "reason": "it is back"} | fields)))).incident


async def resolved(intake: Intake, name: str) -> m.Incident:
    return (await intake.rpc.ResolveIncident(intake_pb.ResolveIncidentRequest(name=name, force=True))).incident


async def assigned(intake: Intake, name: str, person: str, role: Any = m.INCIDENT_ROLE_COMMANDER, **fields: Any) -> m.Incident:
    return (await intake.life.AssignRole(pb.AssignRoleRequest(name=name, role=role, person=person, **fields))).incident


async def rated(intake: Intake, name: str, severity: Any, reason: str = "all of checkout", **fields: Any) -> m.Incident:
    request = pb.SetIncidentSeverityRequest(name=name, severity=severity, reason=reason, **fields)
    return (await intake.life.SetIncidentSeverity(request)).incident


async def attributed(intake: Intake, name: str, **fields: Any) -> m.Incident:
    values: dict[str, Any] = {
        "cause": m.INCIDENT_CAUSE_OWN_CHANGE,
        "confidence": 0.8,
        "ref": "changes/41",
        "note": "began with the deploy",
    } | fields
    return (await intake.life.AttributeCause(pb.AttributeCauseRequest(name=name, **values))).incident


# Declaring.


async def test_a_person_declares_an_incident_that_no_alert_told_of(intake: Intake) -> None:
    found = await declared(
        intake,
        summary="nobody can pay",
        components=["web", "components/checkout", "web"],
        severity=SEV1,
        opened_at=at(-600),
        note="two customers called",
        evidence_url="https://desk/77",
    )
    assert (found.title, found.summary, list(found.components)) == ("checkout is down", "nobody can pay", ["checkout", "web"])
    assert (found.state, found.kind, found.declared_by) == (m.INCIDENT_STATE_OPEN, m.INCIDENT_KIND_DECLARED, "ada")
    assert (found.opened_at, found.alert_count, found.firing_count, found.etag) == (at(-600), 0, 0, "v1")
    assert (found.rating.severity, found.rating.set_by) == (SEV1, "ada")
    assert await intake.incident(found.name) == found
    entries = (await intake.rpc.ListTimeline(intake_pb.ListTimelineRequest(incident=found.name))).entries
    assert [(each.text, each.evidence_url, each.occurred_at) for each in entries] == [
        ("declared by ada as SEV1: two customers called", "https://desk/77", at(-600))
    ]


async def test_a_declared_incident_without_alerts_is_resolved_without_force(intake: Intake) -> None:
    found = await declared(intake)
    assert not found.HasField("rating")
    over = (await intake.rpc.ResolveIncident(intake_pb.ResolveIncidentRequest(name=found.name))).incident
    assert over.state == m.INCIDENT_STATE_RESOLVED


async def test_a_declaration_repeated_with_its_request_id_opens_one_incident(intake: Intake) -> None:
    request_id = str(uuid.uuid4())
    assert (await declared(intake, request_id=request_id)).name == (await declared(intake, request_id=request_id)).name
    assert (await declared(intake)).name != (await declared(intake)).name


async def test_alerts_do_not_fall_into_a_declared_incident_by_themselves(intake: Intake) -> None:
    component = uuid.uuid4().hex
    found = await declared(intake, components=[component])
    assert await intake.open(component) != found.name


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("title", {"title": ""}),
        ("title", {"title": " \t"}),
        ("title", {"title": "x" * 201}),
        ("title", {"title": "a\0b"}),
        ("summary", {"summary": "x" * 4097}),
        ("components[1]", {"components": ["web", ""]}),
        ("severity", {"severity": 9}),
        ("opened_at", {"opened_at": at(3600)}),
        ("opened_at", {"opened_at": Timestamp(seconds=-62_000_000_000)}),
        ("evidence_url", {"evidence_url": "javascript:alert(1)"}),
        ("evidence_url", {"evidence_url": "https://a b"}),
        ("evidence_url", {"evidence_url": "desk/77"}),
        ("request_id", {"request_id": "first"}),
    ],
)
async def test_a_declaration_that_cannot_be_is_refused_by_field(intake: Intake, field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as error:
        await declared(intake, **fields)
    assert {each.field for each in error.value.violations} == {field}


# Mitigating and reopening.


async def test_mitigating_says_when_users_were_no_longer_hindered_and_takes_the_incident(intake: Intake) -> None:
    name = await intake.open(starts_at=-300)
    found = await mitigated(intake, name, occurred_at=at(-60), note="traffic moved", evidence_url="https://graph/1")
    assert (found.state, found.mitigated_at, found.acknowledged_at, found.etag) == (m.INCIDENT_STATE_MITIGATED, at(-60), at(-60), "v2")
    assert (await intake.told(name))[-1] == ("MITIGATED", "traffic moved")
    assert await mitigated(intake, name, note="again") == found
    taken = (await intake.rpc.AcknowledgeIncident(intake_pb.AcknowledgeIncidentRequest(name=name))).incident
    assert taken == found
    assert len(await intake.told(name)) == 2


async def test_alerts_that_fire_later_leave_it_mitigated_and_the_time_line_says_so(intake: Intake) -> None:
    component = uuid.uuid4().hex
    name = await intake.open(component)
    await mitigated(intake, name)
    assert (await intake.send(report(component, alertname="other")))[0].incident == name
    assert (await intake.incident(name)).state == m.INCIDENT_STATE_MITIGATED
    assert ("ALERTS", "1 alert joined from test; it stays mitigated: reopen it if users are hindered") in await intake.told(name)
    await intake.send(report(component, ends_at=9), report(component, ends_at=9, alertname="other"))
    assert (await intake.incident(name)).state == m.INCIDENT_STATE_RESOLVED


async def test_an_alert_that_goes_on_after_all_was_over_takes_back_the_mitigation_too(intake: Intake) -> None:
    component = uuid.uuid4().hex
    name = await intake.open(component)
    await mitigated(intake, name)
    await intake.send(report(component, ends_at=9))
    assert (await intake.send(report(component, 15)))[0].incident == name
    found = await intake.incident(name)
    assert (found.state, found.HasField("resolved_at"), found.HasField("mitigated_at")) == (m.INCIDENT_STATE_ACKNOWLEDGED, False, False)


async def test_what_is_over_cannot_be_mitigated(intake: Intake) -> None:
    name = await intake.open()
    await resolved(intake, name)
    with pytest.raises(PreconditionFailed) as error:
        await mitigated(intake, name)
    assert error.value.reason == "INCIDENT_RESOLVED"


async def test_reopening_takes_back_what_was_resolved(intake: Intake) -> None:
    name = await intake.open()
    await resolved(intake, name)
    found = await reopened(intake, name, reason="the graph was cached")
    assert (found.state, found.etag) == (m.INCIDENT_STATE_OPEN, "v3")
    assert not found.HasField("resolved_at")
    assert (await intake.told(name))[-1] == ("REOPENED", "reopened, was resolved: the graph was cached")
    assert await reopened(intake, name) == found  # it is open: nothing to take back


async def test_what_was_taken_is_still_taken_when_it_is_reopened(intake: Intake) -> None:
    name = await intake.open()
    await intake.rpc.AcknowledgeIncident(intake_pb.AcknowledgeIncidentRequest(name=name))
    await resolved(intake, name)
    assert (await reopened(intake, name)).state == m.INCIDENT_STATE_ACKNOWLEDGED


async def test_reopening_takes_back_a_mitigation(intake: Intake) -> None:
    name = await intake.open()
    await mitigated(intake, name)
    found = await reopened(intake, name)
    assert found.state == m.INCIDENT_STATE_ACKNOWLEDGED
    assert not found.HasField("mitigated_at")


async def test_alerts_of_its_group_join_a_reopened_incident(intake: Intake) -> None:
    component = uuid.uuid4().hex
    name = await intake.open(component)
    await resolved(intake, name)
    await reopened(intake, name)
    assert (await intake.send(report(component, alertname="other")))[0].incident == name


async def test_an_incident_whose_group_has_another_by_now_is_not_reopened_unless_that_is_over(intake: Intake) -> None:
    component = uuid.uuid4().hex
    name = await intake.open(component)
    await resolved(intake, name)
    newer = (await intake.send(report(component, alertname="other")))[0].incident
    with pytest.raises(PreconditionFailed, match="which is not over; merge incidents/") as error:
        await reopened(intake, name)
    assert (error.value.reason, error.value.metadata) == ("GROUP_HAS_INCIDENT", {"name": name, "current": newer})
    await resolved(intake, newer)
    await reopened(intake, name)
    assert (await intake.send(report(component, alertname="third")))[0].incident == name


async def test_reopening_wants_a_reason(intake: Intake) -> None:
    name = await intake.open()
    for reason in ("", " \n"):
        with pytest.raises(InvalidInput) as error:
            await reopened(intake, name, reason=reason)
        assert [each.field for each in error.value.violations] == ["reason"]


# Saying who does what, how bad it is, and why.


async def test_a_role_is_given_passed_on_and_taken_back_and_the_time_line_says_who_had_it(intake: Intake) -> None:
    name = await intake.open()
    await assigned(intake, name, "grace", m.INCIDENT_ROLE_SCRIBE)
    await assigned(intake, name, " ada ")
    both = await assigned(intake, name, "lin", note="end of shift", occurred_at=at(30))
    assert [(each.role, each.person, each.assigned_by) for each in both.roles] == [
        (m.INCIDENT_ROLE_COMMANDER, "lin", "ada"),
        (m.INCIDENT_ROLE_SCRIBE, "grace", "ada"),
    ]
    assert both.roles[0].assigned_at == at(30)
    assert await assigned(intake, name, "lin") == both
    assert [each.person for each in (await assigned(intake, name, "")).roles] == ["grace"]
    assert [text for kind, text in await intake.told(name) if kind == "ROLE"] == [
        "scribe is grace",
        "commander is ada",
        "nobody is commander, was lin",
        "commander is lin, was ada: end of shift",
    ]


async def test_people_set_a_severity_with_a_reason_and_take_it_back(intake: Intake) -> None:
    name = await intake.open()
    first = await rated(intake, name, SEV2, evidence_url="http://graph/2")
    assert (first.rating.severity, first.rating.reason, first.rating.set_by) == (SEV2, "all of checkout", "ada")
    assert await rated(intake, name, SEV2, "the same again") == first
    await rated(intake, name, SEV1, "and now search")
    assert not (await rated(intake, name, 0, "a mistake")).HasField("rating")
    assert [text for kind, text in await intake.told(name) if kind == "SEVERITY"] == [
        "severity SEV2: all of checkout",
        "severity SEV1, was SEV2: and now search",
        "severity taken back, was SEV1: a mistake",
    ]


async def test_people_say_what_caused_it_and_how_sure_they_are(intake: Intake) -> None:
    name = await intake.open()
    first = await attributed(intake, name)
    cause = first.attribution
    assert (cause.cause, cause.confidence, cause.ref) == (m.INCIDENT_CAUSE_OWN_CHANGE, 0.8, "changes/41")
    assert (cause.note, cause.attributed_by) == ("began with the deploy", "ada")
    assert await attributed(intake, name) == first
    await attributed(intake, name, confidence=1, note="shown by bisecting")
    await attributed(intake, name, cause=m.INCIDENT_CAUSE_EXTERNAL, confidence=0.25, ref="", note="")
    for later in (m.INCIDENT_CAUSE_OUT_OF_SCOPE, m.INCIDENT_CAUSE_MISCATEGORISED):
        assert (await attributed(intake, name, cause=later, ref="", note="")).attribution.cause == later
    assert not (await attributed(intake, name, cause=0, ref="", note="no idea")).HasField("attribution")
    assert [text for kind, text in await intake.told(name) if kind == "CAUSE"] == [
        "cause own change changes/41, 80% sure: began with the deploy",
        "cause own change changes/41, 100% sure, was own change: shown by bisecting",
        "cause external, 25% sure, was own change",
        "cause out of scope, 80% sure, was external",
        "cause miscategorised, 80% sure, was out of scope",
        "cause taken back, was miscategorised: no idea",
    ]


async def test_a_change_that_is_named_as_the_cause_exists(intake: Intake) -> None:
    name, nobody = await intake.open(), f"changes/{uuid.UUID(int=0)}"
    with pytest.raises(NotFound, match=r"ref: changes/0.* does not exist; list changes to find its name, or leave ref empty") as error:
        await attributed(intake, name, ref=nobody)
    assert (error.value.reason, error.value.metadata) == ("CHANGE_NOT_FOUND", {"name": nobody, "field": "ref"})
    assert (await intake.incident(name)).etag == "v1"
    (known,) = await report_changes(signals_of(intake), deploy(uuid.uuid4().hex))
    for ref in (known.change, "components/checkout", f"deploys/{uuid.UUID(int=0)}"):
        assert (await attributed(intake, name, ref=ref)).attribution.ref == ref


async def test_a_resolved_incident_still_takes_what_a_post_mortem_finds(intake: Intake) -> None:
    name = await intake.open()
    await resolved(intake, name)
    await assigned(intake, name, "ada")
    await rated(intake, name, SEV2)
    found = await attributed(intake, name)
    assert (found.state, found.etag) == (m.INCIDENT_STATE_RESOLVED, "v5")
    await intake.rpc.AddTimelineEntry(intake_pb.AddTimelineEntryRequest(incident=name, text="reviewed"))


@pytest.mark.parametrize(
    ("field", "call"),
    [
        ("role", lambda life, name: life.AssignRole(pb.AssignRoleRequest(name=name, person="ada"))),
        ("role", lambda life, name: life.AssignRole(pb.AssignRoleRequest(name=name, person="ada", role=7))),  # type: ignore[arg-type]
        ("person", lambda life, name: life.AssignRole(pb.AssignRoleRequest(name=name, person="x" * 257, role=m.INCIDENT_ROLE_SCRIBE))),
        ("severity", lambda life, name: life.SetIncidentSeverity(pb.SetIncidentSeverityRequest(name=name, severity=6, reason="r"))),  # type: ignore[arg-type]
        ("reason", lambda life, name: life.SetIncidentSeverity(pb.SetIncidentSeverityRequest(name=name, severity=SEV1))),
        ("cause", lambda life, name: life.AttributeCause(pb.AttributeCauseRequest(name=name, cause=99))),  # type: ignore[arg-type]
        ("confidence", lambda life, name: life.AttributeCause(pb.AttributeCauseRequest(name=name, confidence=1.01))),
        ("confidence", lambda life, name: life.AttributeCause(pb.AttributeCauseRequest(name=name, confidence=float("nan")))),
        ("ref", lambda life, name: life.AttributeCause(pb.AttributeCauseRequest(name=name, ref="deploy 41"))),
        ("evidence_url", lambda life, name: life.MitigateIncident(pb.MitigateIncidentRequest(name=name, evidence_url="ftp://a/b"))),
        ("occurred_at", lambda life, name: life.MitigateIncident(pb.MitigateIncidentRequest(name=name, occurred_at=at(7200)))),
        ("name", lambda life, _: life.MitigateIncident(pb.MitigateIncidentRequest(name="alerts/1"))),
    ],
)
async def test_what_cannot_be_said_is_refused_by_field(intake: Intake, field: str, call: Any) -> None:
    name = await intake.open()
    with pytest.raises(InvalidInput) as error:
        await call(intake.life, name)
    assert {each.field for each in error.value.violations} == {field}
    assert (await intake.incident(name)).etag == "v1"


@pytest.mark.parametrize("url", ["ftp://ci/41", "javascript:alert(1)", "https://a b", "//ci/41", "https:"])
async def test_a_note_links_to_evidence_that_a_browser_can_open(intake: Intake, url: str) -> None:
    name = await intake.open()
    with pytest.raises(InvalidInput) as error:
        await intake.rpc.AddTimelineEntry(intake_pb.AddTimelineEntryRequest(incident=name, text="see", evidence_url=url))
    assert {each.field for each in error.value.violations} == {"evidence_url"}


# What holds for every one of them.

CHANGES: dict[str, Any] = {
    "mitigate": lambda life, **f: life.MitigateIncident(pb.MitigateIncidentRequest(**f)),
    "reopen": lambda life, **f: life.ReopenIncident(ReopenIncidentRequest(reason="r", **f)),
    "assign": lambda life, **f: life.AssignRole(pb.AssignRoleRequest(role=m.INCIDENT_ROLE_SCRIBE, person="ada", **f)),
    "severity": lambda life, **f: life.SetIncidentSeverity(pb.SetIncidentSeverityRequest(severity=SEV1, reason="r", **f)),
    "cause": lambda life, **f: life.AttributeCause(pb.AttributeCauseRequest(cause=m.INCIDENT_CAUSE_PLATFORM, **f)),
    "split": lambda life, **f: life.SplitIncident(SplitIncidentRequest(reason="r", alerts=[f"alerts/{uuid.UUID(int=0)}"], **f)),
    "merge": lambda life, name, **f: life.MergeIncidents(MergeIncidentsRequest(into=name, reason="r", incidents=[NOBODY], **f)),
}


@pytest.mark.parametrize("change", [each for each in CHANGES if each != "merge"])
async def test_nothing_can_be_done_with_an_incident_that_does_not_exist(intake: Intake, change: str) -> None:
    with pytest.raises(NotFound) as error:
        await CHANGES[change](intake.life, name=NOBODY)
    assert (error.value.reason, error.value.metadata) == ("INCIDENT_NOT_FOUND", {"name": NOBODY})


@pytest.mark.parametrize("change", [each for each in CHANGES if each not in {"merge", "split"}])
async def test_a_change_of_another_version_is_refused(intake: Intake, change: str) -> None:
    name = await intake.open()
    with pytest.raises(Conflict) as error:
        await CHANGES[change](intake.life, name=name, etag="v7")
    assert (error.value.reason, error.value.metadata["etag"]) == ("ETAG_MISMATCH", "v1")


@pytest.mark.parametrize("change", [each for each in CHANGES if each not in {"merge", "split"}])
async def test_a_change_repeated_with_its_request_id_happens_once(intake: Intake, change: str) -> None:
    name = await intake.open()
    if change == "reopen":
        await resolved(intake, name)
    request_id = str(uuid.uuid4())
    first = await CHANGES[change](intake.life, name=name, request_id=request_id)
    told = await intake.told(name)
    assert await CHANGES[change](intake.life, name=name, request_id=request_id) == first
    assert await intake.told(name) == told
    with pytest.raises(InvalidInput) as error:
        await CHANGES[change](intake.life, name=name, request_id=request_id, etag="v1")
    assert error.value.reason == "REQUEST_ID_REUSED"


@pytest.mark.parametrize("change", list(CHANGES))
async def test_a_merged_incident_takes_notes_only_and_says_where_it_went(intake: Intake, change: str) -> None:
    name, into = await intake.open(), await intake.open()
    await intake.life.MergeIncidents(MergeIncidentsRequest(into=into, incidents=[name], reason="the same"))
    calls = [CHANGES[change](intake.life, name=name)]
    if change == "merge":  # as the one that stays, and as one that goes
        other = await intake.open()
        calls = [
            intake.life.MergeIncidents(MergeIncidentsRequest(into=name, incidents=[other], reason="r")),
            intake.life.MergeIncidents(MergeIncidentsRequest(into=other, incidents=[name], reason="r")),
        ]
    calls += [
        intake.rpc.AcknowledgeIncident(intake_pb.AcknowledgeIncidentRequest(name=name)),
        intake.rpc.ResolveIncident(intake_pb.ResolveIncidentRequest(name=name)),
    ]
    for call in calls:
        with pytest.raises(BallastError, match="work on that one") as error:
            await call
        assert (error.value.reason, error.value.metadata) == ("INCIDENT_MERGED", {"name": name, "merged_into": into})
    await intake.rpc.AddTimelineEntry(intake_pb.AddTimelineEntryRequest(incident=name, text="for the record"))
    assert (await intake.told(name))[-1] == ("NOTE", "for the record")


async def test_every_change_has_an_event_of_its_own_kind(intake: Intake) -> None:
    name = await intake.open()
    for change in ("assign", "severity", "cause", "mitigate", "reopen"):
        await CHANGES[change](intake.life, name=name)
        await CHANGES[change](intake.life, name=name)  # changes nothing, and is no event of that kind
    async with intake.app.database.transaction() as connection:
        rows = await connection.execute(text("select payload from outbox where aggregateid = :name order by position"), {"name": name})
        recorded = [received_event(CloudEvent.FromString(row.payload)) for row in rows]
    events = [each for each in recorded if each.type != CallRecorded.DESCRIPTOR.full_name]
    assert len(recorded) - len(events) == 5  # calls that changed nothing leave a record, which tells nobody of a change
    assert [each.version for each in events] == [1, 2, 3, 4, 5, 6]
    told = [each.unpack(IncidentChanged) for each in events[1:]]
    assert [IncidentChange.Name(each.change).removeprefix("INCIDENT_CHANGE_") for each in told] == [
        "ROLE",
        "SEVERITY",
        "CAUSE",
        "MITIGATED",
        "REOPENED",
    ]
    assert {each.actor for each in told} == {"ada"}
