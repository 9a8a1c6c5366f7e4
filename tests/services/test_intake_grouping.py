"""The grouping rules of a running intake: revisions, checks, dry runs, and rules that do nothing."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ballast.intake.v1 import grouping_rules_pb2 as rules_pb
from ballast.intake.v1 import grouping_service_pb2 as pb
from ballast.intake.v1 import intake_service_pb2 as intake_pb
from ballast.intake.v1.grouping_service_pb2_grpc import GroupingServiceStub
from ballast.intake.v1.intake_events_pb2 import GroupingRulesChanged
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub
from google.protobuf.duration_pb2 import Duration
from sqlalchemy import insert

from services.intake.app import build
from services.intake.domain.grouping_rule import RuleSet
from services.intake.settings import IntakeSettings
from services.intake.storage.alert_store import AlertStore
from services.intake.storage.dependency_store import DependencyStore
from services.intake.storage.grouping_store import GroupingStore
from services.intake.storage.grouping_tables import grouping_rules
from services.intake.storage.routing_store import RoutingStore
from services.intake.storage.routing_tables import BUMP
from services.intake.usecases.grouping import GroupingRules
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import Conflict, InvalidInput, NotFound
from shared.settings import Subscriber
from shared.testing.databases import Databases
from tests.conftest import START
from tests.support.grouping import FINGERPRINT, document
from tests.support.intake import SERVICE as INTAKE
from tests.support.intake import report
from tests.support.serving import Served, serving
from tests.support.sink import sinking

if TYPE_CHECKING:
    from ballast.intake.v1.grouping_service_pb2_grpc import GroupingServiceAsyncStub
    from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceAsyncStub

SERVICE = pb.DESCRIPTOR.services_by_name["GroupingService"]
EMPTY = "rules: []\n"


@pytest.fixture(scope="module")
async def served(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Served]:
    settings = IntakeSettings(port=0, database_url=urls["intake"], cache_url=engines.cache_url, subscribers={})
    async with serving(build(settings, clock), [SERVICE, INTAKE]) as running:
        yield running


@pytest.fixture(scope="module")
def own_url(databases: Databases) -> str:
    """A database that no other intake delivers events from."""
    return databases.clone()["intake"]


@pytest.fixture(scope="module")
def grouping(served: Served) -> "GroupingServiceAsyncStub":
    return GroupingServiceStub(served.channel.grpc)


@pytest.fixture(scope="module")
def intake(served: Served) -> "IntakeServiceAsyncStub":
    return IntakeServiceStub(served.channel.grpc)


@pytest.fixture(scope="module")
def path(served: Served, clock: SimulatedClock) -> GroupingRules:
    """The rules as the path of alerts has them, in another replica on the same database."""
    store = GroupingStore(served.app.database, served.app.outbox)
    return GroupingRules(store, DependencyStore(served.app.database), clock, ("component",))


async def in_force(served: Served, path: GroupingRules) -> RuleSet:
    return await path.current((await RoutingStore(served.app.database).versions())["grouping"])


async def get(grouping: "GroupingServiceAsyncStub", revision: int = 0) -> rules_pb.GroupingRules:
    return (await grouping.GetGroupingRules(pb.GetGroupingRulesRequest(revision=revision))).rules


async def put(grouping: "GroupingServiceAsyncStub", *rules: str, **more: Any) -> pb.CreateGroupingRulesRevisionResponse:
    """Puts a document of these rules in force."""
    values = {"request_id": str(uuid.uuid4()), "yaml": document(*rules) if rules else EMPTY, "reason": "a test asks for it"} | more
    if "etag" not in values:
        values["etag"] = (await get(grouping)).etag
    return await grouping.CreateGroupingRulesRevision(pb.CreateGroupingRulesRevisionRequest(**values))


async def try_out(grouping: "GroupingServiceAsyncStub", *rules: str, **more: Any) -> pb.DryRunGroupingRulesResponse:
    values = more if "revision" in more else {"yaml": document(*rules) if rules else EMPTY} | more
    return await grouping.DryRunGroupingRules(pb.DryRunGroupingRulesRequest(**values))


def kinds(response: pb.DryRunGroupingRulesResponse) -> dict[str, int]:
    return {rules_pb.RegroupingKind.Name(each.kind).removeprefix("REGROUPING_KIND_"): each.count for each in response.change_counts}


async def test_before_any_change_the_built_in_rule_is_in_force(grouping: "GroupingServiceAsyncStub") -> None:
    rules = await get(grouping, 1)
    assert (rules.revision, rules.yaml, rules.author, rules.etag) == (1, EMPTY, "system", "v1")
    assert [(each.name, list(each.group_by)) for each in rules.rules] == [("default", ["component"])]


async def test_a_new_revision_is_in_force_at_once_and_reads_back_as_it_was_meant(
    grouping: "GroupingServiceAsyncStub", served: Served, path: GroupingRules
) -> None:
    rule = (
        "name: pay, match: ['team=\"payments\"', 'severity=~\"critical|page\"'], when: 'labels.env == \"prod\"', group_by: [region], "
        "quiet_period: 10m, threshold: {count: 3, within: 1h}, dependencies: true, similarity: {of: summary, at_least: 0.8}"
    )
    before = await get(grouping)
    made = (await put(grouping, rule, reason="payments page alone")).rules
    assert (made.revision, made.author, made.reason) == (before.revision + 1, "ada", "payments page alone")
    assert await get(grouping) == made
    assert len(made.hash) == 64
    first = made.rules[0]
    assert list(first.match) == ['team="payments"', 'severity=~"critical|page"']
    assert (first.name, first.line, first.when, list(first.group_by)) == ("pay", 2, 'labels.env == "prod"', ["region"])
    assert first.quiet_period.ToTimedelta() == timedelta(minutes=10)
    assert (first.threshold.count, first.threshold.within.ToTimedelta()) == (3, timedelta(hours=1))
    assert first.dependencies
    assert (first.similarity.of, first.similarity.at_least) == ("summary", 0.8)
    assert first.use.since_time.ToDatetime(tzinfo=START.tzinfo) >= START
    placed = (await in_force(served, path)).place(
        {"team": "payments", "severity": "page", "env": "prod", "region": "eu"}, {}, "s", FINGERPRINT
    )
    assert placed.key == 'pay:[["region","eu"]]'


async def test_a_document_amiss_is_refused_with_everything_that_is(grouping: "GroupingServiceAsyncStub") -> None:
    before = await get(grouping)
    with pytest.raises(InvalidInput) as refused:
        await put(grouping, "name: a, mach: []", "name: b, when: labels.env == 3")
    assert refused.value.reason == "GROUPING_RULES_INVALID"
    assert [each.field for each in refused.value.violations] == ["yaml.rules[0].mach", "yaml.rules[1].when"]
    assert "did you mean match?" in refused.value.violations[0].description
    assert "line 3" in refused.value.violations[1].description
    assert await get(grouping) == before


@pytest.mark.parametrize(("field", "value"), [("yaml", ""), ("yaml", "#" * 65_537), ("reason", ""), ("etag", ""), ("request_id", "1")])
async def test_a_change_without_what_it_needs_is_refused_by_field(grouping: "GroupingServiceAsyncStub", field: str, value: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await put(grouping, "name: a", **{field: value})
    assert [each.field for each in refused.value.violations] == [field]


async def test_a_change_of_rules_that_changed_meanwhile_is_refused(grouping: "GroupingServiceAsyncStub") -> None:
    seen = (await put(grouping, "name: seen")).rules.etag
    await put(grouping, "name: newer")
    with pytest.raises(Conflict) as refused:
        await put(grouping, "name: late", etag=seen)
    assert refused.value.reason == "ETAG_MISMATCH"


async def test_the_same_document_makes_no_revision(grouping: "GroupingServiceAsyncStub") -> None:
    first = (await put(grouping, "name: same")).rules
    assert (await put(grouping, "name: same", reason="again")).rules == first


async def test_a_change_only_validated_changes_nothing(grouping: "GroupingServiceAsyncStub") -> None:
    before = await get(grouping)
    would = (await put(grouping, "name: perhaps", validate_only=True)).rules
    assert (would.revision, would.rules[0].name) == (before.revision + 1, "perhaps")
    assert await get(grouping) == before


async def test_a_change_repeated_with_its_request_id_is_made_once(grouping: "GroupingServiceAsyncStub") -> None:
    etag, request_id = (await get(grouping)).etag, str(uuid.uuid4())
    first = await put(grouping, "name: once", etag=etag, request_id=request_id)
    assert await put(grouping, "name: once", etag=etag, request_id=request_id) == first
    assert (await get(grouping)).revision == first.rules.revision


async def test_a_shadowed_rule_is_put_in_force_with_a_warning(grouping: "GroupingServiceAsyncStub") -> None:
    made = await put(grouping, "name: all", "name: never, match: ['a=\"b\"']")
    assert [(each.path, each.rule, each.warning) for each in made.warnings] == [("rules[1]", "never", True)]


async def test_revisions_are_listed_newest_first_without_their_documents(grouping: "GroupingServiceAsyncStub") -> None:
    for name in ("x", "y", "z"):
        await put(grouping, f"name: {name}")
    newest = (await get(grouping)).revision
    first = await grouping.ListGroupingRulesRevisions(pb.ListGroupingRulesRevisionsRequest(page_size=2))
    assert [each.revision for each in first.revisions] == [newest, newest - 1]
    assert not any(each.yaml or each.rules for each in first.revisions)
    rest = pb.ListGroupingRulesRevisionsRequest(page_size=1000, page_token=first.next_page_token)
    last = await grouping.ListGroupingRulesRevisions(rest)
    assert [each.revision for each in last.revisions] == list(range(newest - 2, 0, -1))
    assert not last.next_page_token


async def test_a_page_token_of_another_list_is_refused(grouping: "GroupingServiceAsyncStub") -> None:
    with pytest.raises(InvalidInput) as refused:
        await grouping.ListGroupingRulesRevisions(pb.ListGroupingRulesRevisionsRequest(page_token="nonsense"))
    assert refused.value.reason == "PAGE_TOKEN_INVALID"


async def test_rolling_back_makes_a_new_revision_of_the_old_document(grouping: "GroupingServiceAsyncStub") -> None:
    old = (await put(grouping, "name: old")).rules
    newer = (await put(grouping, "name: newer")).rules
    request = pb.RollbackGroupingRulesRequest(revision=old.revision, reason="it paged everybody", etag=newer.etag)
    restored = (await grouping.RollbackGroupingRules(request)).rules
    assert (restored.revision, restored.restored_revision, restored.yaml) == (newer.revision + 1, old.revision, old.yaml)
    assert restored.hash == old.hash
    assert (await get(grouping)).revision == restored.revision


async def test_rolling_back_to_what_never_was_is_refused(grouping: "GroupingServiceAsyncStub") -> None:
    etag = (await get(grouping)).etag
    with pytest.raises(NotFound) as refused:
        await grouping.RollbackGroupingRules(pb.RollbackGroupingRulesRequest(revision=9999, reason="r", etag=etag))
    assert refused.value.reason == "GROUPING_RULES_REVISION_NOT_FOUND"
    with pytest.raises(NotFound):
        await get(grouping, 9999)


async def test_checking_a_document_tells_every_problem_and_fails_for_none(grouping: "GroupingServiceAsyncStub") -> None:
    text = document("name: a, when: labels.env == 3", "name: a", "name: b, match: ['x=~\"(\"']")
    checked = await grouping.ValidateGroupingRules(pb.ValidateGroupingRulesRequest(yaml=text))
    assert not checked.valid
    found = [(each.path, each.rule, each.line) for each in checked.problems]
    assert found == [("rules[0].when", "a", 2), ("rules[1].name", "a", 3), ("rules[2].match[0]", "b", 4)]
    fine = await grouping.ValidateGroupingRules(pb.ValidateGroupingRulesRequest(yaml=document("name: a")))
    assert fine.valid
    assert not fine.problems


@pytest.mark.parametrize("text", ["", "rules: &a [*a]", "rules: 5", "[" * 1000, "rules: []\nrules: []"])
async def test_checking_nonsense_says_why_it_is_that(grouping: "GroupingServiceAsyncStub", text: str) -> None:
    checked = await grouping.ValidateGroupingRules(pb.ValidateGroupingRulesRequest(yaml=text))
    assert not checked.valid
    assert checked.problems[0].description
    assert checked.problems[0].line >= 1


async def test_a_dry_run_shows_what_merges_and_what_splits(grouping: "GroupingServiceAsyncStub", intake: "IntakeServiceAsyncStub") -> None:
    await put(grouping)
    reports = [report("dry-a", region="eu"), report("dry-a", 1, region="us"), report("dry-b", 2, region="eu"), report("dry-c", 3)]
    await intake.ReportAlerts(intake_pb.ReportAlertsRequest(source="test", reports=reports))
    merged = await try_out(grouping, "name: eu, match: ['region=\"eu\"'], group_by: [region]", last=4)
    assert (merged.alert_count, merged.before.incident_count, merged.after.incident_count) == (4, 3, 3)
    assert kinds(merged) == {"REGROUPED": 1}
    assert merged.unchanged_count == 1
    change = merged.changes[0]
    assert sorted(each.alert_count for each in change.before) == [1, 2]
    assert [(each.rule, [(label.name, label.value) for label in each.labels]) for each in change.after] == [
        ("eu", [("region", "eu")]),
        ("default", [("component", "dry-a")]),
    ]
    assert change.after[0].sample_alerts[0].startswith("alerts/")
    assert [(each.rule, each.match_count) for each in merged.after.rules] == [("eu", 2), ("default", 2)]
    split = await try_out(grouping, "name: fine, group_by: [component, region]", last=4)
    assert kinds(split) == {"SPLIT": 1, "MOVED": 2}
    one = await try_out(grouping, "name: one, group_by: []", last=4)
    assert kinds(one) == {"MERGED": 1}
    assert (one.changes[0].before_count, one.changes[0].after_count, one.changes[0].alert_count) == (3, 1, 4)


async def test_a_dry_run_shows_what_would_not_open_and_conditions_that_fail(
    grouping: "GroupingServiceAsyncStub", intake: "IntakeServiceAsyncStub"
) -> None:
    await put(grouping)
    await intake.ReportAlerts(intake_pb.ReportAlertsRequest(source="test", reports=[report("held", env="prod"), report("other")]))
    tried = await try_out(
        grouping, "name: few, when: 'labels.env == \"prod\"', threshold: {count: 2, within: 1m}, group_by: [component]", last=2
    )
    assert kinds(tried) == {"NOT_OPENED": 1}
    assert (tried.after.incident_count, tried.after.held_count) == (1, 1)
    assert tried.changes[0].after[0].held
    assert (tried.after.rules[0].failure_count, "env" in tried.after.rules[0].last_failure) == (1, True)


async def test_a_dry_run_of_the_rules_in_force_shows_no_difference(grouping: "GroupingServiceAsyncStub") -> None:
    made = (await put(grouping, "name: now, group_by: [region]")).rules
    tried = await try_out(grouping, revision=made.revision)
    assert tried.alert_count > 0
    assert not tried.changes


async def test_a_dry_run_sees_alerts_that_are_history(
    grouping: "GroupingServiceAsyncStub", intake: "IntakeServiceAsyncStub", served: Served, clock: SimulatedClock
) -> None:
    await put(grouping)
    await intake.ReportAlerts(intake_pb.ReportAlertsRequest(source="test", reports=[report("past", 0), report("past-too", 1)]))
    ended = [report("past", 0, 2), report("past-too", 1, 3)]
    await intake.ReportAlerts(intake_pb.ReportAlertsRequest(source="test", reports=ended))
    moved = await AlertStore(served.app.database, served.app.outbox).archive(clock.now() + timedelta(days=1), 1000)
    assert moved >= 2
    tried = await try_out(grouping, "name: past, match: ['component=~\"past.*\"'], group_by: []", last=2)
    assert [(each.rule, each.match_count) for each in tried.after.rules] == [("past", 2), ("default", 0)]


async def test_a_dry_run_of_nothing_sensible_is_refused(grouping: "GroupingServiceAsyncStub") -> None:
    with pytest.raises(InvalidInput) as refused:
        await try_out(grouping, "name: a, zzz: 1")
    assert refused.value.reason == "GROUPING_RULES_INVALID"
    with pytest.raises(NotFound):
        await try_out(grouping, revision=9999)
    with pytest.raises(InvalidInput) as neither:
        await grouping.DryRunGroupingRules(pb.DryRunGroupingRulesRequest(last=5))
    assert [each.field for each in neither.value.violations] == ["rules"]
    with pytest.raises(InvalidInput) as much:
        await try_out(grouping, "name: a", last=10_001)
    assert [each.field for each in much.value.violations] == ["last"]


async def test_rules_that_do_nothing_are_reported_with_why(
    grouping: "GroupingServiceAsyncStub", served: Served, path: GroupingRules, clock: SimulatedClock
) -> None:
    await put(grouping, "name: busy, match: ['a=\"1\"']", "name: idle, match: ['a=\"2\"']", "name: hidden, match: ['a=\"1\"', 'b=\"1\"']")
    rules = await in_force(served, path)
    rules.counts.note(0, 5)
    rules.counts.fail(1, "no such label")
    await path.flush()

    async def reported(**span: int) -> list[tuple[str, int, str]]:
        request = pb.GetUnusedGroupingRulesRequest(unused_for=Duration(**span) if span else None)
        answer = await grouping.GetUnusedGroupingRules(request)
        return [(each.rule.name, each.reason, each.shadowed_by) for each in answer.rules]

    young = [("hidden", rules_pb.UNUSED_REASON_SHADOWED, "busy")]
    assert await reported() == young
    clock.advance(clock.now() + timedelta(days=8))
    old = [("busy", rules_pb.UNUSED_REASON_LATELY, ""), ("idle", rules_pb.UNUSED_REASON_NEVER, ""), *young]
    assert await reported() == old
    assert await reported(seconds=9 * 86_400) == young
    use = {each.name: each.use for each in (await get(grouping)).rules}
    assert (use["busy"].match_count, use["busy"].HasField("last_match_time")) == (5, True)
    assert (use["idle"].failure_count, use["idle"].last_failure, use["idle"].HasField("last_match_time")) == (1, "no such label", False)


async def test_a_rule_keeps_its_counts_while_it_stays_as_it_is(
    grouping: "GroupingServiceAsyncStub", served: Served, path: GroupingRules
) -> None:
    await put(grouping, "name: stays", "name: changes, match: ['a=\"1\"']")
    rules = await in_force(served, path)
    rules.counts.note(0, 2)
    rules.counts.note(1, 3)
    await path.flush()
    await put(grouping, "name: first", "name: changes, match: ['a=\"2\"']", "name: stays")
    counts = {each.name: each.use.match_count for each in (await get(grouping)).rules[:-1]}
    assert counts == {"first": 0, "changes": 0, "stays": 2}


async def test_counts_of_rules_replaced_meanwhile_are_written_too(
    grouping: "GroupingServiceAsyncStub", served: Served, path: GroupingRules
) -> None:
    await put(grouping, "name: kept")
    before = await in_force(served, path)
    await put(grouping, "name: new", "name: kept")
    before.counts.note(0, 4)
    await in_force(served, path)
    await path.flush()
    assert {each.name: each.use.match_count for each in (await get(grouping)).rules}["kept"] == 4


async def test_rules_are_read_again_only_when_they_changed(
    grouping: "GroupingServiceAsyncStub", served: Served, path: GroupingRules
) -> None:
    await put(grouping, "name: still")
    rules = await in_force(served, path)
    assert await in_force(served, path) is rules
    await put(grouping, "name: moved")
    assert (await in_force(served, path)).rules[0].name == "moved"


async def test_a_change_is_told_to_subscribers_with_its_document(own_url: str, engines: Engines, clock: SimulatedClock) -> None:
    async with sinking() as sink:
        subscribers = {"ledger": Subscriber(address=sink.address)}
        settings = IntakeSettings(port=0, database_url=own_url, cache_url=engines.cache_url, subscribers=subscribers)
        async with serving(build(settings, clock), [SERVICE]) as running:
            made = (await put(GroupingServiceStub(running.channel.grpc), "name: told")).rules
            event = (await sink.taking("groupingRules"))[-1]
    changed = GroupingRulesChanged()
    assert event.proto_data.Unpack(changed)
    assert (changed.rules.revision, changed.rules.yaml, changed.rules.author) == (made.revision, made.yaml, "ada")


async def test_of_changes_made_at_once_one_wins_and_the_others_are_told(grouping: "GroupingServiceAsyncStub") -> None:
    before = await get(grouping)
    answers = await asyncio.gather(*(put(grouping, f"name: at-once-{n}", etag=before.etag) for n in range(5)), return_exceptions=True)
    refused = [each for each in answers if isinstance(each, BaseException)]
    assert [type(each) for each in refused] == [Conflict] * 4
    assert (await get(grouping)).revision == before.revision + 1


async def test_a_rule_counts_the_alerts_it_took(
    grouping: "GroupingServiceAsyncStub", intake: "IntakeServiceAsyncStub", clock: SimulatedClock
) -> None:
    await put(grouping, "name: counted, match: ['component=~\"counted-.*\"']")
    reports = [report("counted-a"), report("counted-b"), report("else")]
    await intake.ReportAlerts(intake_pb.ReportAlertsRequest(source="test", reports=reports))
    use = (await get(grouping)).rules[0].use
    assert use.match_count == 2
    assert use.last_match_time.ToDatetime(tzinfo=START.tzinfo) == clock.now()


async def test_counts_are_written_when_intake_stops(grouping: "GroupingServiceAsyncStub", served: Served, path: GroupingRules) -> None:
    await put(grouping, "name: beside")
    (await in_force(served, path)).counts.note(0, 7)
    writing = asyncio.create_task(path.write())
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert {each.name: each.use.match_count for each in (await get(grouping)).rules}["beside"] == 7


async def test_replicas_add_up_what_their_rules_did(grouping: "GroupingServiceAsyncStub", served: Served, clock: SimulatedClock) -> None:
    await put(grouping, "name: shared")
    store = GroupingStore(served.app.database, served.app.outbox)
    replicas = [GroupingRules(store, DependencyStore(served.app.database), clock, ("component",)) for _ in range(4)]
    for number, each in enumerate(replicas):
        (await in_force(served, each)).counts.note(0, number + 1)
    await asyncio.gather(*(each.flush() for each in replicas))
    assert {each.name: each.use.match_count for each in (await get(grouping)).rules}["shared"] == 10


async def test_rules_that_can_no_longer_be_read_leave_those_before_in_use(
    grouping: "GroupingServiceAsyncStub", served: Served, path: GroupingRules, clock: SimulatedClock
) -> None:
    await put(grouping, "name: before")
    rules = await in_force(served, path)
    async with served.app.database.transaction() as connection:
        newest = (await get(grouping)).revision
        made = {"revision": newest + 1, "yaml": "rules: 5", "hash": "", "author": "a", "reason": "r", "restored_revision": 0}
        await connection.execute(insert(grouping_rules).values(made | {"created_at": clock.now()}))
        await connection.execute(BUMP, {"kind": "grouping"})
    assert await in_force(served, path) is rules
    fresh = GroupingRules(
        GroupingStore(served.app.database, served.app.outbox), DependencyStore(served.app.database), clock, ("component",)
    )
    assert [each.name for each in (await in_force(served, fresh)).rules] == ["default"]
    shown = await get(grouping)
    assert (shown.yaml, list(shown.rules)) == ("rules: 5", [])
    await put(grouping, "name: mended")
    assert (await in_force(served, path)).rules[0].name == "mended"
