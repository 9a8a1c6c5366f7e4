"""Approval rules of a running governance: kept in versions, tried on what was asked for, and written as the README says."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from ballast.governance.v1 import approval_pb2, approval_rule_pb2
from ballast.governance.v1 import approval_rule_service_pb2 as pb

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from tests.support.approving import Office, approving, rule

README = Path(__file__).parents[2] / "services/governance/README.md"


@pytest.fixture(scope="module")
async def office(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Office]:
    async with approving(urls, engines, clock) as running:
        yield running


async def newest(office: Office) -> approval_rule_pb2.ApprovalRules:
    return (await office.rules.GetApprovalRules(pb.GetApprovalRulesRequest())).rules


async def update(office: Office, *rules: approval_rule_pb2.ApprovalRule, validate_only: bool = False, **more: Any) -> Any:
    etag = more.pop("etag", (await newest(office)).etag)
    made = approval_rule_pb2.ApprovalRules(rules=rules, etag=etag, **{"reason": "tried"} | more)
    return (await office.change_rules(made, validate_only=validate_only)).rules


async def test_there_are_rules_from_the_start_and_each_change_is_a_version(office: Office) -> None:
    first = (await office.rules.GetApprovalRules(pb.GetApprovalRulesRequest(revision=1))).rules
    assert [(each.name, each.quorum) for each in first.rules] == [("high-impact", 2), ("policies", 1), ("anything-else", 1)]
    before = await newest(office)
    made = await update(office, *first.rules, rule("never", "false"))
    assert (made.revision, made.author, made.reason) == (before.revision + 1, "ada", "tried")
    assert (await update(office, *made.rules)).revision == made.revision  # the same says nothing new
    page = await office.rules.ListApprovalRulesRevisions(pb.ListApprovalRulesRevisionsRequest(page_size=1))
    assert (page.rules[0], bool(page.next_page_token)) == (made, True)
    with pytest.raises(NotFound) as missing:
        await office.rules.GetApprovalRules(pb.GetApprovalRulesRequest(revision=99))
    assert missing.value.reason == "APPROVAL_RULES_REVISION_NOT_FOUND"


async def test_neither_a_change_nor_a_rule_goes_without_a_reason_that_can_be_read(office: Office) -> None:
    before = await newest(office)
    mute = rule("mute")
    mute.reason = "\u200b"
    for rules, reason, told in (([rule()], " \u2063", "rules.reason"), ([rule("told"), mute], "tried", "rules.rules[1].reason")):
        with pytest.raises(InvalidInput) as refused:
            await update(office, *rules, reason=reason)
        assert [each.field for each in refused.value.violations] == [told]
    assert await newest(office) == before


async def test_rules_are_read_as_they_were_written(office: Office) -> None:
    groups = [approval_rule_pb2.ApproverGroup(name="council", members=["bo", "cy"])]
    full = rule(
        approvers=approval_rule_pb2.Approvers(roles=["approver"], team="teams/web", principals=["bo"], groups=["council"]),
        author_may_approve=True,
        escalation={"after": {"seconds": 60}, "approvers": {"roles": ["admin"], "team": "*"}},
        break_glass={"allowed": {"groups": ["council"]}, "review_within": {"seconds": 7200}},
        business_hours="Mon-Fri 09:00-17:30 Europe/Berlin",
        holidays=["2026-12-25"],
    )
    made = await update(office, full, groups=groups)
    assert (list(made.rules), list(made.groups)) == ([full], groups)
    assert await newest(office) == made


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ({"when": "impact.displaced_items > 1.5"}, "rules.rules[0].when"),
        ({"business_hours": "nine to five"}, "rules.rules[0].business_hours"),
        ({"business_hours": "Mon 09:00-17:00 UTC", "holidays": ["2026-02-30"]}, "rules.rules[0].holidays[0]"),
        ({"holidays": ["2026-12-25"]}, "rules.rules[0].holidays"),
        ({"expires_after": 2**62}, "rules.rules[0].expires_after"),
        ({"expires_after": 10**11}, "rules.rules[0].expires_after"),
        ({"reason": "a\0b"}, "rules.rules[0].reason"),
        ({"quorum": 0}, "rules.rules[0].quorum"),
        ({"approvers": approval_rule_pb2.Approvers()}, "rules.rules[0].approvers"),
        ({"approvers": approval_rule_pb2.Approvers(roles=["service"])}, "rules.rules[0].approvers.roles[0]"),
    ],
)
async def test_rules_that_cannot_be_in_force_are_refused_by_field_and_nothing_is_kept(
    office: Office, broken: dict[str, Any], field: str
) -> None:
    before = await newest(office)
    with pytest.raises(InvalidInput) as refused:
        await update(office, rule(**broken))
    assert [each.field for each in refused.value.violations] == [field]
    assert await newest(office) == before


async def test_rules_that_were_changed_meanwhile_are_not_overwritten_and_those_only_validated_not_kept(office: Office) -> None:
    before = await newest(office)
    for etag, why in (("", "rules.etag: is empty"), ("v99", "read it again")):
        with pytest.raises(Conflict, match=why):
            await update(office, rule(), etag=etag)
    assert (await update(office, rule("other"), validate_only=True)).revision == before.revision + 1
    assert await newest(office) == before


async def test_a_request_is_refused_where_no_rule_applies_or_one_cannot_be_asked(office: Office) -> None:
    await update(office, rule(when="impact.displaced_items > 3"), rule("two", 'kind == "flag"'))
    with pytest.raises(InvalidInput, match=r"impact: the rule 'one' reads impact\.displaced_items") as undecided:
        await office.ask()
    assert (undecided.value.reason, undecided.value.violations[0].field) == ("RULE_UNDECIDED", "impact")
    with pytest.raises(PreconditionFailed, match="applies to 'severity-matrix'") as missing:
        await office.ask(impact=approval_pb2.ImpactPreview())
    assert missing.value.reason == "RULE_MISSING"


async def test_a_dry_run_says_what_would_have_stood_under_another_rule_and_stores_nothing(office: Office) -> None:
    await update(office, rule("all"))
    asked = [await office.ask(kind=kind) for kind in ("flag", "decision")]
    before = await newest(office)
    tried = approval_rule_pb2.ApprovalRules(rules=[rule("all", 'kind == "flag"'), rule("never", "false")])
    trial = await office.rules.DryRunApprovalRules(pb.DryRunApprovalRulesRequest(rules=tried, approvals=2))
    (change,) = trial.changes
    assert (change.approval, change.before, change.quorum_before, change.after) == (asked[1].name, "all", 1, "")
    assert "no rule of version 0" in change.refusal
    assert [(each.rule, each.chosen) for each in trial.counts] == [("all", 1), ("never", 0)]
    assert await newest(office) == before


async def test_the_facts_that_rules_may_read_are_listed_by_name_as_in_the_readme(office: Office) -> None:
    facts = (await office.rules.ListApprovalFacts(pb.ListApprovalFactsRequest())).facts
    page = README.read_text()
    assert [each.name for each in facts if f"| `{each.name}` | {each.type} | {each.meaning} |" not in page] == []
    names, token = [], ""
    while True:
        some = await office.rules.ListApprovalFacts(pb.ListApprovalFactsRequest(page_size=5, page_token=token))
        names += [each.name for each in some.facts]
        token = some.next_page_token
        if not token:
            break
    assert names == sorted(each.name for each in facts)
