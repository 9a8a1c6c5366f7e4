"""Inhibit rules over the wire: set as a whole, with revisions, and told of."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ballast.intake.v1 import inhibit_rule_messages_pb2 as pb
from ballast.intake.v1 import inhibit_rule_pb2, matcher_pb2, muting_events_pb2

from services.intake.storage.mute_store import MuteStore
from services.intake.usecases.muting import Mutes
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import Conflict, InvalidInput, NotFound
from shared.rpc.method import method_of
from tests.support.intake import Intake, intake_serving


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


def rule(source: str, target: str, *equal: str, name: str = "") -> inhibit_rule_pb2.InhibitRule:
    return inhibit_rule_pb2.InhibitRule(
        name=name or uuid.uuid4().hex,
        source=[matcher_pb2.Matcher(text=source)],
        target=[matcher_pb2.Matcher(text=target)],
        equal=equal,
    )


async def newest(intake: Intake) -> inhibit_rule_pb2.InhibitRules:
    return (await intake.muting.GetInhibitRules(pb.GetInhibitRulesRequest())).inhibit_rules


async def put(intake: Intake, *rules: inhibit_rule_pb2.InhibitRule, **fields: Any) -> inhibit_rule_pb2.InhibitRules:
    values = {"rules": rules, "reason": "the network explains it", "etag": (await newest(intake)).etag} | fields
    return (await intake.muting.SetInhibitRules(pb.SetInhibitRulesRequest(**values))).inhibit_rules


async def test_before_any_are_set_there_are_none(intake: Intake) -> None:
    none = await newest(intake)
    assert (none.revision, list(none.rules), none.etag, none.HasField("create_time")) == (0, [], "v0", False)
    assert (await intake.muting.ListInhibitRuleRevisions(pb.ListInhibitRuleRevisionsRequest())).revisions == []


async def test_rules_are_set_as_a_whole_and_every_revision_is_kept(intake: Intake) -> None:
    down = rule("alertname=ClusterDown", 'severity=~"warning|info"', "cluster", name="cluster down")
    first = await put(intake, down)
    assert (first.author, first.reason, list(first.rules[0].equal), first.rules[0].target[0].text) == (
        "ada", "the network explains it", ["cluster"], 'severity=~"warning|info"',
    )  # fmt: skip
    second = await put(intake, down, rule("a=x", "a!=x"), reason="more")
    assert second.revision == first.revision + 1
    assert await newest(intake) == second
    assert (await intake.muting.GetInhibitRules(pb.GetInhibitRulesRequest(revision=first.revision))).inhibit_rules == first
    third = await put(intake)
    page = await intake.muting.ListInhibitRuleRevisions(pb.ListInhibitRuleRevisionsRequest(page_size=2))
    assert list(page.revisions) == [third, second]
    rest = await intake.muting.ListInhibitRuleRevisions(pb.ListInhibitRuleRevisionsRequest(page_size=2, page_token=page.next_page_token))
    assert rest.revisions[0] == first


async def test_rules_that_say_the_same_make_no_revision(intake: Intake) -> None:
    first = await put(intake, rule("a=x", "b=y", name="same"))
    assert await put(intake, rule("{a=x,}", 'b="y"', name="same"), reason="again") == first


async def test_a_preview_checks_and_sets_nothing(intake: Intake) -> None:
    before = await newest(intake)
    preview = await put(intake, rule("a=x", "b=y"), validate_only=True)
    assert (preview.revision, preview.etag) == (before.revision + 1, "")
    assert await newest(intake) == before


async def test_what_somebody_else_changed_is_not_overwritten(intake: Intake) -> None:
    old = await put(intake, rule("a=x", "b=y"))
    await put(intake, rule("a=x", "b=z"))
    for etag in (old.etag, ""):
        with pytest.raises(Conflict) as error:
            await put(intake, rule("c=x", "d=y"), etag=etag)
        assert error.value.reason == "ETAG_MISMATCH"


async def test_a_revision_that_there_is_not_is_not_found(intake: Intake) -> None:
    with pytest.raises(NotFound) as error:
        await intake.muting.GetInhibitRules(pb.GetInhibitRulesRequest(revision=999))
    assert error.value.reason == "INHIBIT_RULES_NOT_FOUND"


@pytest.mark.parametrize(
    ("rules", "fields", "reason", "field"),
    [
        ([], {"reason": ""}, "FIELD_INVALID", "reason"),
        ([], {"reason": " "}, "MUTING_REFUSED", "reason"),
        ([inhibit_rule_pb2.InhibitRule(name="a")], {}, "FIELD_INVALID", "rules[0].source"),
        ([rule("a=x", "b=y", name="x" * 129)], {}, "FIELD_INVALID", "rules[0].name"),
        ([rule("a=x", "b=y", name="a"), rule("a=x", "b=y", name="a")], {}, "MUTING_REFUSED", "rules[1].name"),
        ([rule("a=x", "b=y", "c", "c")], {}, "MUTING_REFUSED", "rules[0].equal"),
        ([rule("a=x", "b=y"), rule("a=", "b=y")], {}, "MATCHERS_REFUSED", "rules[1].source[0].text"),
        ([rule("a=x", 'b=~"("')], {}, "MATCHERS_REFUSED", "rules[0].target[0]"),
        ([rule("a!=x", "b=y")], {}, "MATCHERS_REFUSED", "rules[0].source"),
        ([rule("a=x", "b=y")] * 201, {}, "FIELD_INVALID", "rules"),
        ([], {"request_id": "x"}, "FIELD_INVALID", "request_id"),
    ],
)
async def test_rules_that_cannot_be_meant_are_refused_by_reason_and_field(
    intake: Intake, rules: list[inhibit_rule_pb2.InhibitRule], fields: dict[str, Any], reason: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        await put(intake, *rules, **fields)
    assert (error.value.reason, error.value.violations[0].field) == (reason, field)


async def test_a_change_is_told_as_an_event_and_known_at_once(intake: Intake, clock: SimulatedClock) -> None:
    feed = intake.app.feed.follow("", [muting_events_pb2.InhibitRulesChanged.DESCRIPTOR.full_name])
    await anext(feed)
    mutes = Mutes(MuteStore(intake.app.database), clock)
    assert not (await mutes.current()).is_source({"alertname": "RouterDown"})
    made = await put(intake, rule("alertname=RouterDown", "severity=page", name="router"))
    event = (await anext(feed)).event
    assert event is not None
    assert (event.subject, event.version) == ("inhibitRules", made.revision)
    assert event.unpack(muting_events_pb2.InhibitRulesChanged).inhibit_rules == made
    assert (await mutes.current()).is_source({"alertname": "RouterDown"})
    await feed.aclose()


@pytest.mark.parametrize(
    ("rpc", "role"),
    [("CreateSilence", "responder"), ("CreateMaintenanceWindow", "planner"), ("SetInhibitRules", "approver"), ("ListSilences", "viewer")],
)
def test_the_more_a_mute_decides_the_more_it_takes_to_make_one(rpc: str, role: str) -> None:
    assert method_of(f"/ballast.intake.v1.MutingService/{rpc}").role == role
