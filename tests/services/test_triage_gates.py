"""Gating rules of a running triage: kept in versions, tried on what happened, and asked about every incident."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ballast.triage.v1 import gate_pb2
from ballast.triage.v1 import gate_service_pb2 as pb
from ballast.triage.v1 import severity_matrix_pb2 as matrix_pb

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import Conflict, InvalidInput, NotFound
from tests.conftest import START
from tests.support.triaging import INFORMATION, OUTAGE, RESOLVED, Suite, assessment, deliver, incident, opened, triage_serving
from tests.support.waiting import until

SEV1 = matrix_pb.SEVERITY_SEV1
README = Path(__file__).parents[2] / "services/triage/README.md"


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    itself = {"triage": {"address": "127.0.0.1:1", "types": ["ballast.triage.v1.GatingRulesChanged"]}}
    async with triage_serving(urls, engines, clock, subscribers=itself) as running:
        yield running


def rule(condition: str, name: str = "one", **effects: Any) -> gate_pb2.GatingRule:
    return gate_pb2.GatingRule(name=name, condition=condition, reason="Because.", **(effects or {"page": True}))


async def newest(suite: Suite) -> gate_pb2.GatingRules:
    return (await suite.gates.GetGatingRules(pb.GetGatingRulesRequest())).gates


async def update(suite: Suite, *rules: gate_pb2.GatingRule, validate_only: bool = False, **more: Any) -> gate_pb2.GatingRules:
    etag = more.pop("etag", (await newest(suite)).etag)
    gates = gate_pb2.GatingRules(rules=rules, etag=etag, reason="tried", **more)
    return (await suite.gates.UpdateGatingRules(pb.UpdateGatingRulesRequest(gates=gates, validate_only=validate_only))).gates


async def test_there_are_gates_from_the_start_and_each_change_is_a_version(suite: Suite) -> None:
    first = (await suite.gates.GetGatingRules(pb.GetGatingRulesRequest(revision=1))).gates
    assert [each.name for each in first.rules] == ["pages-the-owner"]
    before = await newest(suite)
    made = await update(suite, rule("false"))
    assert (made.revision, made.author, made.reason) == (before.revision + 1, "ada", "tried")
    assert (await update(suite, rule("false"))).revision == made.revision
    page = await suite.gates.ListGatingRulesRevisions(pb.ListGatingRulesRevisionsRequest(page_size=1))
    assert (page.gates[0], bool(page.next_page_token)) == (made, True)
    with pytest.raises(NotFound) as missing:
        await suite.gates.GetGatingRules(pb.GetGatingRulesRequest(revision=99))
    assert missing.value.reason == "GATES_REVISION_NOT_FOUND"


async def test_rules_that_cannot_be_asked_or_were_changed_meanwhile_are_refused_and_nothing_is_kept(suite: Suite) -> None:
    before = await newest(suite)
    with pytest.raises(InvalidInput, match=r"line 1, column 25: .*_>_") as refused:
        await update(suite, rule("incident.users_affected > 1.5"))
    assert (refused.value.reason, refused.value.violations[0].field) == ("GATES_REFUSED", "gates.rules[0].condition")
    for etag, why in (("", "gates.etag: is empty; read it and send its etag"), ("v99", "read it again")):
        with pytest.raises(Conflict, match=why):
            await update(suite, rule("true"), etag=etag)
    assert await newest(suite) == before


async def test_rules_that_are_only_validated_are_not_kept(suite: Suite) -> None:
    before = await newest(suite)
    assert (await update(suite, rule("incident.safety"), validate_only=True)).revision == before.revision + 1
    assert await newest(suite) == before


async def test_new_rules_are_asked_about_open_incidents_too(suite: Suite) -> None:
    happened = incident("pay", **INFORMATION)
    await deliver(suite, opened(happened))
    made = await update(suite, rule('"pay" in incident.components', elevate_to=SEV1, playbook="incident-response", require_approval=True))

    async def is_elevated() -> bool:
        return (await assessment(suite, happened.name)).severity == SEV1

    await until(is_elevated)
    found = await assessment(suite, happened.name)
    (gate,) = found.gates
    assert (gate.rule, gate.playbook, gate.require_approval, found.gates_revision) == ("one", "incident-response", True, made.revision)
    assert (found.trigger, found.assessed_severity, found.scored_severity > SEV1) == ("GATING_RULES_CHANGED", SEV1, True)
    await update(suite, rule("false"))


async def test_a_dry_run_says_whose_severity_would_differ_and_stores_nothing(suite: Suite) -> None:
    happened = incident("pay", users_affected=7000, **INFORMATION)
    await deliver(suite, opened(happened))
    before = await newest(suite)
    rules = [rule("incident.users_affected == 7000", "many", elevate_to=SEV1), rule("incident.users_affected < 0", "never")]
    trial = await suite.gates.DryRunGatingRules(pb.DryRunGatingRulesRequest(rules=rules, incidents=2000))
    (change,) = trial.changes
    assert (change.incident, change.after, list(change.fired)) == (happened.name, SEV1, ["many"])
    assert [(each.rule, each.fired) for each in trial.counts] == [("many", 1), ("never", 0)]
    assert trial.counts[1].undecided == trial.incidents - 1
    assert await newest(suite) == before


async def test_incidents_of_one_class_are_named_with_how_they_ended(suite: Suite) -> None:
    first = incident("again", at=START - timedelta(days=40), state=RESOLVED, title="Replica 7 lags", **OUTAGE)
    first.resolved_at.FromDatetime(START - timedelta(days=39))
    second = incident("again", at=START - timedelta(days=3), title="Replica 12 lags", **OUTAGE)
    merged = incident("again", at=START - timedelta(days=2), title="Replica 3 lags", **OUTAGE)
    merged.merged_into = second.name
    third = incident("again", at=START, title="Replica 9 lags", **OUTAGE)
    await deliver(suite, *(opened(each) for each in (first, second, merged, third)))
    told = (await assessment(suite, third.name)).recurrence
    assert (told.last_28_days, told.last_90_days) == (1, 2)
    assert [(each.incident, each.title, each.HasField("resolved_at")) for each in told.similar] == [
        (second.name, "Replica 12 lags", False),
        (first.name, "Replica 7 lags", True),
    ]


async def test_the_facts_that_gates_may_read_are_listed_by_name_as_in_the_readme(suite: Suite) -> None:
    facts = (await suite.gates.ListGateFacts(pb.ListGateFactsRequest())).facts
    page = README.read_text()
    assert all(f"| `{each.name}` | {each.type} | {each.meaning} |" in page for each in facts)
    names, token = [], ""
    while True:
        some = await suite.gates.ListGateFacts(pb.ListGateFactsRequest(page_size=10, page_token=token))
        names += [each.name for each in some.facts]
        token = some.next_page_token
        if not token:
            break
    assert names == sorted(each.name for each in facts)
