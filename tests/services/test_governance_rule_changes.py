"""Changing the approval rules of a running governance needs the approval that the rules in force say, and nobody is locked out."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from ballast.governance.v1 import approval_pb2, approval_rule_pb2, lineage_pb2, lineage_service_pb2
from ballast.governance.v1 import approval_rule_service_pb2 as rule_pb

from services.governance.storage.rules_digest import digest_of_change
from services.governance.transport.approval_rule_convert import document_from_pb
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import Conflict, PreconditionFailed
from tests.conftest import START
from tests.support.approving import Office, approving, rule
from tests.support.waiting import until

APPROVED_BY = lineage_pb2.LINEAGE_RELATION_APPROVED_BY
NOBODY = approval_rule_pb2.Approvers(principals=["who-left"])


@pytest.fixture
async def office(own_urls: dict[str, str], engines: Engines) -> AsyncIterator[Office]:
    async with approving(own_urls, engines, SimulatedClock(START)) as running:
        yield running


async def wanted(office: Office, *rules: approval_rule_pb2.ApprovalRule, **more: Any) -> rule_pb.UpdateApprovalRulesRequest:
    newest = (await office.rules.GetApprovalRules(rule_pb.GetApprovalRulesRequest())).rules
    made = approval_rule_pb2.ApprovalRules(rules=rules, etag=newest.etag, reason="tried")
    return rule_pb.UpdateApprovalRulesRequest(rules=made, **more)


async def foreseen(office: Office, *rules: approval_rule_pb2.ApprovalRule) -> rule_pb.UpdateApprovalRulesResponse:
    return await office.rules.UpdateApprovalRules(await wanted(office, *rules, validate_only=True))


async def ask(office: Office, digest: str, **more: Any) -> approval_pb2.Approval:
    return await office.ask(**{"kind": "approval-rules", "subject": "approvalRules", "digest": digest} | more)


async def refusal(office: Office, request: rule_pb.UpdateApprovalRulesRequest) -> PreconditionFailed:
    with pytest.raises(PreconditionFailed) as refused:
        await office.rules.UpdateApprovalRules(request)
    assert refused.value.reason == "APPROVAL_REQUIRED"
    return refused.value


async def revision(office: Office) -> int:
    return (await office.rules.GetApprovalRules(rule_pb.GetApprovalRulesRequest())).rules.revision


async def test_new_rules_come_into_force_once_others_agreed_to_exactly_them(office: Office) -> None:
    request = await wanted(office, rule())
    error = await refusal(office, request)
    asked = {key: error.metadata[key] for key in ("kind", "subject", "digest")}
    assert (error.metadata["rule"], error.metadata["verdict"]) == ("policies", "APPROVAL_MISSING")
    assert asked["digest"] in error.message  # it says what to ask for
    assert (await foreseen(office, rule())).digest == asked["digest"]
    approval = await office.ask(**asked)
    request.approval = approval.name
    assert (await refusal(office, request)).metadata["verdict"] == "APPROVAL_PENDING"
    await office.approve("bo", approval)
    made = await office.rules.UpdateApprovalRules(request)
    assert (made.rules.revision, made.rule, made.digest) == (2, "policies", asked["digest"])


async def test_the_approval_of_one_change_does_for_no_other(office: Office) -> None:
    agreed = await ask(office, (await foreseen(office, rule())).digest)
    await office.approve("bo", agreed)
    other = await wanted(office, rule(quorum=2), approval=agreed.name)
    assert (await refusal(office, other)).metadata["verdict"] == "DIGEST_CHANGED"
    await office.rules.UpdateApprovalRules(await wanted(office, rule()))
    await office.change_rules((await wanted(office, rule("second"))).rules)
    # The same document again, in place of another version: the approval is still in force, and not of that.
    again = await wanted(office, rule(), approval=agreed.name)
    assert (await refusal(office, again)).metadata["verdict"] == "DIGEST_CHANGED"


async def test_what_a_team_agreed_to_changes_nothing_for_all(office: Office) -> None:
    agreed = await ask(office, (await foreseen(office, rule())).digest, team="teams/core")
    await office.approve("bo", agreed)
    assert (await refusal(office, await wanted(office, rule(), approval=agreed.name))).metadata["verdict"] == "TEAM_DIFFERS"


async def test_an_approval_asked_for_ahead_under_milder_rules_does_not_do(office: Office) -> None:
    await office.change_rules((await wanted(office, rule("mild"))).rules)
    ahead = digest_of_change(3, document_from_pb(approval_rule_pb2.ApprovalRules(rules=[rule("other")])))
    early = await ask(office, ahead)
    await office.approve("bo", early)
    await office.change_rules((await wanted(office, rule("strict", quorum=2))).rules)
    assert (await foreseen(office, rule("other"))).digest == ahead
    assert (await refusal(office, await wanted(office, rule("other")))).metadata["verdict"] == "RULES_CHANGED"


async def test_an_impact_of_ones_own_choice_does_not_choose_the_rule(office: Office) -> None:
    mild = rule("mild", "impact.displaced_items > 3", author_may_approve=True)
    await office.change_rules((await wanted(office, mild, rule("strict"))).rules)
    change = await foreseen(office, rule("other"))
    asked = await ask(office, change.digest, impact=approval_pb2.ImpactPreview(displaced_items=9))
    assert (change.rule, asked.rule.name) == ("strict", "strict")


async def test_where_no_rule_applies_an_admin_changes_them_alone(office: Office) -> None:
    await office.change_rules((await wanted(office, rule("flags", 'kind == "flag"'))).rules)
    made = await office.rules.UpdateApprovalRules(await wanted(office, rule()))
    assert (made.rules.revision, made.rule) == (3, "")


async def test_the_same_rules_again_and_a_preview_need_nobody(office: Office) -> None:
    first = (await office.rules.GetApprovalRules(rule_pb.GetApprovalRulesRequest())).rules
    assert (await office.rules.UpdateApprovalRules(await wanted(office, *first.rules))).rules == first
    assert (await foreseen(office, rule())).rules.revision == 2
    assert await revision(office) == 1


async def test_rules_that_were_changed_meanwhile_are_a_conflict_whatever_was_approved(office: Office) -> None:
    request = await wanted(office, rule())
    request.rules.etag = "v9"
    with pytest.raises(Conflict):
        await office.rules.UpdateApprovalRules(request)


@pytest.mark.parametrize(
    "held",
    [
        rule("gone", approvers=NOBODY),
        rule("gone", approvers=NOBODY, break_glass={"allowed": NOBODY, "review_within": {"seconds": 60}}),
        rule("broken", "1 / impact.displaced_items == 1"),
        rule("severe", "impact.severity < 3"),
    ],
    ids=["nobody left", "nobody to break the glass", "cannot be asked", "asks for what is unknown"],
)
async def test_an_admin_always_gets_in_again_and_answers_for_it(office: Office, held: approval_rule_pb2.ApprovalRule) -> None:
    await office.change_rules((await wanted(office, held)).rules)
    change = await foreseen(office, rule())
    assert change.rule == held.name
    await refusal(office, await wanted(office, rule()))
    broken = await ask(office, change.digest, break_glass_reason="Nobody is left who could agree.")
    assert (broken.in_force, broken.HasField("broken_glass")) == (True, True)
    assert (await office.rules.UpdateApprovalRules(await wanted(office, rule(), approval=broken.name))).rules.revision == 3


async def test_the_ledger_and_the_lineage_say_by_which_approval_rules_were_made(office: Office) -> None:
    change = await foreseen(office, rule())
    approval = await ask(office, change.digest)
    await office.approve("bo", approval)
    await office.rules.UpdateApprovalRules(await wanted(office, rule()))
    await until(lambda: office.app.deliverer.is_quiet)
    request = lineage_service_pb2.ExplainLinkRequest(from_name="approvalRules@2", to_name=approval.name, relation=APPROVED_BY)
    found = await office.governance.lineage.ExplainLink(request)
    assert [each.type.rpartition(".")[2] for each in found.entries] == ["ApprovalRulesChanged"]
