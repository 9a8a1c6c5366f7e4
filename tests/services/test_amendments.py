"""Change control across services: drafted in triage, agreed to in governance, in force in triage."""

import asyncio
import hashlib
import json
import random
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta

import pytest
from ballast.amendments.v1 import amendment_messages_pb2 as pb
from ballast.amendments.v1 import amendment_pb2
from ballast.governance.v1 import approval_messages_pb2, approval_pb2, governance_service_pb2, lineage_pb2
from ballast.triage.v1 import gate_pb2, severity_matrix_pb2, triage_service_pb2
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import BallastError, Conflict, InvalidInput, NotFound, PermissionDenied, PreconditionFailed, Unavailable
from shared.rpc.client import ClientCredentials
from tests.support.amending import MATRIX, Cause, Chamber, State, amending, packed
from tests.support.waiting import until


@pytest.fixture(scope="module")
async def chamber(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Chamber]:
    async with amending(urls, engines, clock) as running:
        yield running


@pytest.fixture(autouse=True)
async def cleared(chamber: Chamber) -> AsyncIterator[None]:
    """Nothing waits when a test is over: the next one's version would make it lapse, and tell of it."""
    yield
    for service in ("triage", "allocation", "intake"):
        waiting = [State.AMENDMENT_STATE_PROPOSED, State.AMENDMENT_STATE_APPROVED]
        found = await chamber.amendments(service=service).ListAmendments(pb.ListAmendmentsRequest(states=waiting))
        for each in found.amendments:
            await chamber.amendments(service=service).WithdrawAmendment(pb.WithdrawAmendmentRequest(name=each.name))


async def refusal(kind: type[BallastError], call: Awaitable[object]) -> BallastError:
    with pytest.raises(kind) as caught:
        await call
    return caught.value


async def reaches(chamber: Chamber, amendment: amendment_pb2.Amendment, state: int, service: str = "triage") -> amendment_pb2.Amendment:
    found: list[amendment_pb2.Amendment] = []

    async def is_there() -> bool:
        found[:] = [await chamber.get(amendment, service)]
        return found[0].state == state

    await until(is_there)
    return found[0]


async def test_a_draft_is_proposed_agreed_to_and_comes_in_force(chamber: Chamber) -> None:
    before = await chamber.matrix()
    wanted = await chamber.stricter()
    draft = await chamber.draft(wanted)
    assert (draft.state, draft.author, draft.base_revision, draft.kind) == (
        State.AMENDMENT_STATE_DRAFT,
        "ada",
        before.revision,
        "severity-matrix",
    )
    assert (draft.digest, draft.approval, draft.HasField("impact")) == ("", "", False)
    proposed = await chamber.propose(draft, etag=draft.etag)
    assert (proposed.state, proposed.needs_approval, proposed.reason) == (State.AMENDMENT_STATE_PROPOSED, True, draft.reason)
    assert (await chamber.matrix()).revision == before.revision
    asked = await chamber.approval(proposed)
    assert (asked.kind, asked.subject, asked.digest, asked.author, asked.requester, asked.reason) == (
        "severity-matrix",
        MATRIX,
        proposed.digest,
        "ada",
        "triage",
        draft.reason,
    )
    assert (asked.impact.summary, asked.impact.measures) == (proposed.impact.summary, proposed.impact.measures)
    assert asked.impact.facts[0].startswith(f"{proposed.name} makes version {before.revision + 1} of {MATRIX}")
    assert proposed.impact.summary.startswith("0 of the latest 0 incidents")
    await chamber.approve(proposed)
    made = await reaches(chamber, proposed, State.AMENDMENT_STATE_IN_FORCE)
    after = await chamber.matrix()
    assert (after.revision, after.author, after.reason) == (before.revision + 1, "ada", draft.reason)
    assert list(after.impact_thresholds) == list(wanted.impact_thresholds)
    assert (made.revision, made.HasField("force_time"), made.cause) == (after.revision, True, Cause.AMENDMENT_CAUSE_AGREED)


async def test_the_lineage_leads_from_a_version_to_its_approval_and_to_the_next(chamber: Chamber) -> None:
    proposed = await chamber.propose(await chamber.draft(await chamber.stricter()))
    await chamber.approve(proposed)
    made = await reaches(chamber, proposed, State.AMENDMENT_STATE_IN_FORCE)
    before, after = f"{MATRIX}@{made.base_revision}", f"{MATRIX}@{made.revision}"
    walk = governance_service_pb2.TraceLineageRequest(name=before, direction=governance_service_pb2.LINEAGE_DIRECTION_DOWNSTREAM)
    wanted = {(before, after, lineage_pb2.LINEAGE_RELATION_REPLACED_BY), (after, made.approval, lineage_pb2.LINEAGE_RELATION_APPROVED_BY)}

    async def is_drawn() -> bool:
        try:
            found = (await chamber.governance().TraceLineage(walk)).edges
        except NotFound:  # until the event has come
            return False
        return wanted <= {(each.from_name, each.to_name, each.relation) for each in found}

    await until(is_drawn)


async def test_the_difference_reads_as_people_read_differences(chamber: Chamber) -> None:
    before = await chamber.matrix()
    draft = await chamber.draft(await chamber.stricter(by=0.25))
    head, *lines = draft.diff.splitlines()
    assert head == f"--- {MATRIX}@{before.revision}"
    assert [line for line in lines if line.startswith(("-", "+")) and "@" not in line] == [
        f"-- {before.impact_thresholds[0]}",
        f"+- {before.impact_thresholds[0] - 0.25}",
    ]


async def test_the_digest_is_of_what_the_contract_says(chamber: Chamber) -> None:
    proposed = await chamber.propose(await chamber.draft(await chamber.stricter()))
    body = severity_matrix_pb2.SeverityMatrix()
    assert proposed.body.Unpack(body)
    told = {
        "amendment": proposed.name,
        "author": "ada",
        "base": proposed.base_revision,
        "body": MessageToDict(body, preserving_proto_field_name=True),
        "document": MATRIX,
        "effective": "",
        "kind": "severity-matrix",
        "reason": proposed.reason,
    }
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == proposed.digest


async def test_the_author_cannot_agree_and_neither_can_the_service(chamber: Chamber) -> None:
    proposed = await chamber.propose(await chamber.draft(await chamber.stricter()))
    for name in ("ada", "triage"):
        assert (await refusal(PermissionDenied, chamber.approve(proposed, name))).reason == "AUTHOR_MAY_NOT_APPROVE"
    await chamber.tick(seconds=1)
    assert (await chamber.get(proposed)).state == State.AMENDMENT_STATE_PROPOSED


async def test_refused_it_is_over_and_the_document_stays(chamber: Chamber) -> None:
    before = await chamber.matrix()
    proposed = await chamber.propose(await chamber.draft(await chamber.stricter()))
    await chamber.approvals().Reject(approval_messages_pb2.RejectRequest(name=proposed.approval, reason="Not in March."))
    over = await reaches(chamber, proposed, State.AMENDMENT_STATE_REJECTED)
    assert (over.cause, over.detail != "") == (Cause.AMENDMENT_CAUSE_REFUSED, True)
    assert (await chamber.matrix()).revision == before.revision
    error = await refusal(PreconditionFailed, chamber.propose(over))
    assert (error.reason, error.metadata["state"]) == ("AMENDMENT_CLOSED", "REJECTED")


async def test_a_document_that_needs_approval_is_not_changed_past_it(chamber: Chamber) -> None:
    matrix = await chamber.stricter()
    matrix.reason = "Quickly."
    error = await refusal(
        PreconditionFailed, chamber.triage().UpdateSeverityMatrix(triage_service_pb2.UpdateSeverityMatrixRequest(matrix=matrix))
    )
    assert (error.reason, error.metadata["document"]) == ("APPROVAL_REQUIRED", MATRIX)
    checked = await chamber.triage().UpdateSeverityMatrix(triage_service_pb2.UpdateSeverityMatrixRequest(matrix=matrix, validate_only=True))
    assert checked.matrix.revision == matrix.revision + 1


async def test_what_another_version_overtook_lapses_and_its_approval_is_taken_back(chamber: Chamber) -> None:
    first = await chamber.propose(await chamber.draft(await chamber.stricter(by=0.5)))
    second = await chamber.propose(await chamber.draft(await chamber.stricter(by=0.75), name="cy"))
    await chamber.approve(first)
    made = await reaches(chamber, first, State.AMENDMENT_STATE_IN_FORCE)
    lapsed = await reaches(chamber, second, State.AMENDMENT_STATE_LAPSED)
    assert (lapsed.cause, f"version {made.revision}" in lapsed.detail) == (Cause.AMENDMENT_CAUSE_BASE_CHANGED, True)
    await until_state(chamber, second, approval_pb2.APPROVAL_STATE_WITHDRAWN)
    assert (await chamber.matrix()).revision == made.revision


async def until_state(chamber: Chamber, amendment: amendment_pb2.Amendment, state: int) -> None:
    async def is_so() -> bool:
        return (await chamber.approval(amendment)).state == state

    await until(is_so)


async def test_a_version_in_force_is_superseded_by_the_next(chamber: Chamber) -> None:
    made = []
    for by in (0.125, 0.0625):
        proposed = await chamber.propose(await chamber.draft(await chamber.stricter(by=by)))
        await chamber.approve(proposed)
        made.append(await reaches(chamber, proposed, State.AMENDMENT_STATE_IN_FORCE))
    first = await chamber.get(made[0])
    assert (first.state, first.detail) == (State.AMENDMENT_STATE_SUPERSEDED, f"version {made[1].revision} is in force")


async def test_a_rollback_is_a_new_version_that_others_agree_to(chamber: Chamber) -> None:
    proposed = await chamber.propose(await chamber.draft(await chamber.stricter(by=0.25)))
    await chamber.approve(proposed)
    made = await reaches(chamber, proposed, State.AMENDMENT_STATE_IN_FORCE)
    request = pb.RollBackDocumentRequest(document=MATRIX, revision=made.base_revision, reason="It paged everybody.")
    back = (await chamber.amendments("cy").RollBackDocument(request)).amendment
    assert (back.state, back.author, back.restored_revision) == (State.AMENDMENT_STATE_PROPOSED, "cy", made.base_revision)
    await chamber.approve(back)
    await reaches(chamber, back, State.AMENDMENT_STATE_IN_FORCE)
    now, old = await chamber.matrix(), await chamber.matrix(made.base_revision)
    assert (now.revision, list(now.impact_thresholds)) == (made.revision + 1, list(old.impact_thresholds))
    request.request_id = ""  # the client gave it one, and would get its first answer again
    error = await refusal(PreconditionFailed, chamber.amendments().RollBackDocument(request))
    assert error.reason == "AMENDMENT_EMPTY"
    request.request_id, request.revision = "", now.revision + 7
    assert (await refusal(NotFound, chamber.amendments().RollBackDocument(request))).reason == "MATRIX_REVISION_NOT_FOUND"


async def test_it_waits_for_its_time_and_then_comes_in_force(chamber: Chamber) -> None:
    at = Timestamp()
    at.FromDatetime(chamber.clock.now() + timedelta(days=1))
    proposed = await chamber.propose(await chamber.draft(await chamber.stricter()), effective_time=at)
    await chamber.approve(proposed)
    waiting = await reaches(chamber, proposed, State.AMENDMENT_STATE_APPROVED)
    assert waiting.effective_time == at
    await chamber.tick(hours=23)
    assert (await chamber.get(proposed)).state == State.AMENDMENT_STATE_APPROVED
    await chamber.tick(hours=1)
    made = await chamber.get(proposed)
    assert (made.state, made.revision) == (State.AMENDMENT_STATE_IN_FORCE, (await chamber.matrix()).revision)


async def test_what_is_stopped_before_its_time_never_comes_in_force(chamber: Chamber) -> None:
    before = await chamber.matrix()
    at = Timestamp()
    at.FromDatetime(chamber.clock.now() + timedelta(days=1))
    proposed = await chamber.propose(await chamber.draft(await chamber.stricter()), effective_time=at)
    await chamber.approve(proposed)
    await reaches(chamber, proposed, State.AMENDMENT_STATE_APPROVED)
    await chamber.approvals("cy").Reject(approval_messages_pb2.RejectRequest(name=proposed.approval, reason="I looked again."))
    await reaches(chamber, proposed, State.AMENDMENT_STATE_REJECTED)
    await chamber.tick(days=2)
    assert (await chamber.matrix()).revision == before.revision


async def test_a_time_that_passed_and_one_no_approval_reaches_are_refused(chamber: Chamber) -> None:
    draft = await chamber.draft(await chamber.stricter())
    at = Timestamp()
    at.FromDatetime(chamber.clock.now() - timedelta(seconds=1))
    assert (await refusal(InvalidInput, chamber.propose(draft, effective_time=at))).reason == "EFFECTIVE_TIME_REFUSED"
    at.FromDatetime(chamber.clock.now() + timedelta(days=300))
    error = await refusal(InvalidInput, chamber.propose(draft, effective_time=at))
    assert (error.reason, "would hold until" in error.message) == ("EFFECTIVE_TIME_REFUSED", True)
    assert (await chamber.get(draft)).state == State.AMENDMENT_STATE_DRAFT


async def test_an_approval_nobody_gives_expires_and_so_does_the_amendment(chamber: Chamber) -> None:
    proposed = await chamber.propose(await chamber.draft(await chamber.stricter()))
    await chamber.tick(days=30)
    lapsed = await reaches(chamber, proposed, State.AMENDMENT_STATE_LAPSED)
    assert lapsed.cause == Cause.AMENDMENT_CAUSE_APPROVAL_EXPIRED


async def test_the_glass_is_broken_and_it_is_in_force_at_once_with_a_review_open(chamber: Chamber) -> None:
    proposed = await chamber.propose(await chamber.draft(await chamber.stricter()))
    broken = approval_messages_pb2.BreakGlassRequest(name=proposed.approval, reason="Every page goes to nobody.")
    await chamber.approvals("ada").BreakGlass(broken)
    await reaches(chamber, proposed, State.AMENDMENT_STATE_IN_FORCE)
    assert (await chamber.approval(proposed)).state == approval_pb2.APPROVAL_STATE_EMERGENCY


async def test_an_approval_of_one_amendment_is_none_of_another_that_says_the_same(chamber: Chamber) -> None:
    one = await chamber.propose(await chamber.draft(await chamber.stricter()))
    other = await chamber.propose(await chamber.draft(await chamber.stricter()))
    assert one.digest != other.digest
    assert one.approval != other.approval
    claim = approval_messages_pb2.VerifyApprovalRequest(kind=other.kind, subject=MATRIX, digest=other.digest, approval=one.approval)
    assert (await chamber.approvals().VerifyApproval(claim)).reason == "DIGEST_CHANGED"


async def test_a_draft_moves_to_the_version_in_force_when_it_is_proposed(chamber: Chamber) -> None:
    draft = await chamber.draft(await chamber.stricter(by=2))
    other = await chamber.propose(await chamber.draft(await chamber.stricter(by=1)))
    await chamber.approve(other)
    made = await reaches(chamber, other, State.AMENDMENT_STATE_IN_FORCE)
    proposed = await chamber.propose(draft)
    assert (draft.base_revision, proposed.base_revision) == (made.base_revision, made.revision)
    assert proposed.diff != draft.diff


async def test_a_draft_is_revised_by_its_author_alone(chamber: Chamber) -> None:
    draft = await chamber.draft(await chamber.stricter(by=1))
    request = pb.ReviseAmendmentRequest(name=draft.name, body=packed(await chamber.stricter(by=2)), etag=draft.etag)
    assert (await refusal(PermissionDenied, chamber.amendments("cy").ReviseAmendment(request))).reason == "NOT_THE_AUTHOR"
    revised = (await chamber.amendments().ReviseAmendment(request)).amendment
    assert (revised.diff != draft.diff, revised.reason) == (True, draft.reason)
    request.request_id = ""
    assert (await refusal(Conflict, chamber.amendments().ReviseAmendment(request))).reason == "ETAG_MISMATCH"
    assert (await refusal(PermissionDenied, chamber.amendments("cy").ProposeAmendment(pb.ProposeAmendmentRequest(name=draft.name)))).reason


async def test_a_repeated_call_gets_the_first_answer_and_asks_for_one_approval(chamber: Chamber) -> None:
    draft = await chamber.draft(await chamber.stricter())
    request = pb.ProposeAmendmentRequest(name=draft.name, request_id="00000000-0000-4000-8000-00000000a001")
    stub = chamber.amendments()
    first, second = await stub.ProposeAmendment(request), await stub.ProposeAmendment(request)
    assert first == second
    listed = await chamber.approvals().ListApprovals(
        approval_messages_pb2.ListApprovalsRequest(subject=MATRIX, states=[approval_pb2.APPROVAL_STATE_PENDING])
    )
    assert [each.name for each in listed.approvals] == [first.amendment.approval]


async def test_withdrawn_it_takes_its_approval_with_it(chamber: Chamber) -> None:
    proposed = await chamber.propose(await chamber.draft(await chamber.stricter()))
    request = pb.WithdrawAmendmentRequest(name=proposed.name, note="A better one comes.")
    over = (await chamber.amendments().WithdrawAmendment(request)).amendment
    assert (over.state, over.detail) == (State.AMENDMENT_STATE_WITHDRAWN, "A better one comes.")
    assert (await chamber.approval(proposed)).state == approval_pb2.APPROVAL_STATE_WITHDRAWN


async def test_bodies_that_are_no_such_document_are_refused_by_field(chamber: Chamber) -> None:
    empty = await refusal(InvalidInput, chamber.amendments().DraftAmendment(pb.DraftAmendmentRequest(document=MATRIX, reason="Why.")))
    assert "body" in empty.message
    wrong = await refusal(InvalidInput, chamber.draft(gate_pb2.GatingRules()))
    assert (wrong.reason, "ballast.triage.v1.GatingRules" in wrong.message) == ("BODY_REFUSED", True)
    garbled = AnyMessage(type_url="type.googleapis.com/ballast.triage.v1.SeverityMatrix", value=b"\xff\xff")
    request = pb.DraftAmendmentRequest(document=MATRIX, body=garbled, reason="Why.")
    assert (await refusal(InvalidInput, chamber.amendments().DraftAmendment(request))).reason == "BODY_REFUSED"
    short = await chamber.matrix()
    del short.cells[0]
    shaped = await refusal(InvalidInput, chamber.draft(short))
    assert isinstance(shaped, InvalidInput)
    assert [each.field for each in shaped.violations] == ["body.cells"]
    upside_down = await chamber.matrix()
    upside_down.impact_thresholds[:] = [9.0, 1.0]
    assert (await refusal(InvalidInput, chamber.draft(upside_down))).reason == "THRESHOLDS_NOT_RISING"
    same = await refusal(PreconditionFailed, chamber.draft(await chamber.matrix()))
    assert same.reason == "AMENDMENT_EMPTY"
    unknown = await refusal(NotFound, chamber.draft(await chamber.stricter(), document="roadmap"))
    assert (unknown.reason, "severityMatrix" in unknown.message) == ("DOCUMENT_UNKNOWN", True)
    quiet = pb.DraftAmendmentRequest(document=MATRIX, body=packed(await chamber.stricter()), reason="\u200b ")
    assert (await refusal(InvalidInput, chamber.amendments().DraftAmendment(quiet))).reason == "REASON_EMPTY"


async def test_governance_away_nothing_is_half_done(chamber: Chamber) -> None:
    draft = await chamber.draft(await chamber.stricter())
    control = chamber.apps["triage"]
    address = chamber.apps["governance"].server.address
    approvals = control._approvals
    assert approvals is not None
    await approvals.close()
    assert (await refusal(BallastError, chamber.propose(draft))).reason == "GOVERNANCE_UNAVAILABLE"
    assert (await chamber.get(draft)).state == State.AMENDMENT_STATE_DRAFT
    approvals.open(address, ClientCredentials(local_name="triage"))
    assert (await chamber.propose(draft)).state == State.AMENDMENT_STATE_PROPOSED


async def test_of_governance_that_gives_no_answer_it_is_said_that_it_is_governance(chamber: Chamber) -> None:
    draft = await chamber.draft(await chamber.stricter())
    approvals = chamber.apps["triage"]._approvals
    assert approvals is not None
    await approvals.close()
    approvals.open("127.0.0.1:1", ClientCredentials(local_name="triage"))
    at = Timestamp()
    at.FromDatetime(chamber.clock.now() + timedelta(days=1))
    error = await refusal(Unavailable, chamber.propose(draft, effective_time=at))
    assert (error.reason, error.message.startswith("governance, where approvals")) == ("GOVERNANCE_UNAVAILABLE", True)
    await approvals.close()
    approvals.open(chamber.apps["governance"].server.address, ClientCredentials(local_name="triage"))


async def test_two_approvers_at_once_make_one_version(chamber: Chamber) -> None:
    before = await chamber.matrix()
    proposed = await chamber.propose(await chamber.draft(await chamber.stricter()))
    await asyncio.gather(chamber.approve(proposed, "bo"), chamber.approve(proposed, "cy"), return_exceptions=True)
    await asyncio.gather(*(chamber.tick(seconds=1) for _ in range(3)))
    await reaches(chamber, proposed, State.AMENDMENT_STATE_IN_FORCE)
    assert (await chamber.matrix()).revision == before.revision + 1


async def test_whatever_happens_every_version_was_agreed_to_and_one_amendment_at_most_is_in_force(chamber: Chamber) -> None:
    """Ninety acts drawn by a fixed seed, of four people, on one document."""
    draw, begun = random.Random(7), (await chamber.matrix()).revision
    made: list[amendment_pb2.Amendment] = []

    async def act() -> None:
        name, held = draw.choice(["ada", "bo", "cy", "di"]), draw.choice(made[-3:]) if made else None
        what = draw.choice(["draft", "propose", "propose", "approve", "approve", "reject", "withdraw", "roll back", "tick"])
        if held is None or what == "draft":
            made.append(await chamber.draft(await chamber.stricter(by=draw.randint(1, 9) / 16), name=name))
        elif what == "propose":
            made.append(await chamber.propose(held))
        elif what == "approve":
            await chamber.approve(await chamber.get(held), name)
        elif what == "reject":
            request = approval_messages_pb2.RejectRequest(name=(await chamber.get(held)).approval, reason="No.")
            await chamber.approvals(name).Reject(request)
        elif what == "withdraw":
            await chamber.amendments(name).WithdrawAmendment(pb.WithdrawAmendmentRequest(name=held.name))
        elif what == "roll back":
            back = pb.RollBackDocumentRequest(document=MATRIX, revision=draw.randint(1, begun), reason="Back.")
            made.append((await chamber.amendments(name).RollBackDocument(back)).amendment)
        else:
            await chamber.tick(hours=1)

    refused = 0
    for _ in range(90):
        try:
            await act()
        except BallastError:  # what is not allowed is refused, and changes nothing
            refused += 1
    await chamber.tick(seconds=1)
    found = [await chamber.get(each) for each in {each.name: each for each in made}.values()]
    versions = sorted(each.revision for each in found if each.revision)
    assert versions == list(range(begun + 1, (await chamber.matrix()).revision + 1))
    assert versions, "the seed lets nothing come in force: choose another"
    in_force = [each for each in found if each.state == State.AMENDMENT_STATE_IN_FORCE]
    assert [each.revision for each in in_force] == versions[-1:]
    for each in found:
        if each.revision:
            approval = await chamber.approval(each)
            assert {vote.principal for vote in approval.votes if vote.approves} - {each.author, "triage"}
            assert approval.digest == each.digest
    assert refused


@pytest.mark.parametrize(
    "forged",
    [
        "body = replace(body, '\"impact_thresholds\":[', '\"impact_thresholds\":[0.5,')",
        "body = replace(body, '[', '[0.5,')",
        "body = 'no JSON'",
        "author = 'cy'",
        "owner = 'teams/x'",
        "effective_at = null",
    ],
)
async def test_a_row_that_was_changed_is_not_what_was_agreed_to(chamber: Chamber, forged: str) -> None:
    before, at = await chamber.matrix(), Timestamp()
    at.FromDatetime(chamber.clock.now() + timedelta(days=1))
    proposed = await chamber.propose(await chamber.draft(await chamber.stricter()), effective_time=at)
    await chamber.approve(proposed)
    await reaches(chamber, proposed, State.AMENDMENT_STATE_APPROVED)
    async with chamber.apps["triage"].database.transaction() as connection:
        await connection.execute(text(f"update amendment set {forged} where id = '{proposed.name.removeprefix('amendments/')}'"))
    await chamber.tick(days=2)
    over = await chamber.get(proposed)
    assert (over.state, over.cause) == (State.AMENDMENT_STATE_LAPSED, Cause.AMENDMENT_CAUSE_APPROVAL_MISSING)
    assert (await chamber.matrix()).revision == before.revision


async def test_a_row_that_says_that_nobody_need_agree_is_not_believed(chamber: Chamber) -> None:
    before = await chamber.matrix()
    proposed = await chamber.propose(await chamber.draft(await chamber.stricter()))
    async with chamber.apps["triage"].database.transaction() as connection:
        where = f"where id = '{proposed.name.removeprefix('amendments/')}'"
        await connection.execute(text(f"update amendment set needs_approval = false {where}"))
    await chamber.tick(seconds=1)
    assert (await chamber.matrix()).revision == before.revision
    assert (await chamber.get(proposed)).state == State.AMENDMENT_STATE_PROPOSED
