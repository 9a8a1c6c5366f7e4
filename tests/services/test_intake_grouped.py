"""Grouping rules as senders meet them: rules put in force over the wire, then alerts, and the incidents that come of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from ballast.intake.v1 import alert_pb2, incident_pb2
from ballast.intake.v1 import grouping_service_pb2 as pb
from ballast.intake.v1 import intake_service_pb2 as intake_pb
from google.protobuf.duration_pb2 import Duration

from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.conftest import START
from tests.support.intake import Intake, report
from tests.support.replicas import Replicas, replicas_serving
from tests.support.waiting import until

OPEN, OVER = incident_pb2.INCIDENT_STATE_OPEN, incident_pb2.INCIDENT_STATE_RESOLVED
HELD, GROUPED = alert_pb2.ALERT_DISPOSITION_HELD, alert_pb2.ALERT_DISPOSITION_GROUPED


@pytest.fixture
async def intake(own_urls: dict[str, str], engines: Engines) -> AsyncIterator[Replicas]:
    async with replicas_serving(own_urls, engines, SimulatedClock(START)) as running:
        yield running


def outcome(receipt: alert_pb2.AlertReceipt) -> str:
    return alert_pb2.ReportOutcome.Name(receipt.outcome).removeprefix("REPORT_OUTCOME_")


def saying(component: str, starts_at: float = 0, *, annotations: dict[str, str], **labels: str) -> alert_pb2.AlertReport:
    built = report(component, starts_at)
    built.labels.update(labels)
    built.annotations.update(annotations)
    return built


async def events(intake: Intake, count: int, *actions: Any) -> list[tuple[str, str, str]]:
    """Does the actions, and returns the first `count` events of incidents that came of them: (incident, state, merged into)."""
    watching = intake.rpc.WatchIncidents(intake_pb.WatchIncidentsRequest())
    seen: list[tuple[str, str, str]] = []
    answers = watching.__aiter__()
    await anext(answers)  # its resume token of the present
    for action in actions:
        await action
    while len(seen) < count:
        answer = await anext(answers)
        if answer.HasField("incident"):
            found = answer.incident
            seen.append((found.name, incident_pb2.IncidentState.Name(found.state).removeprefix("INCIDENT_STATE_"), found.merged_into))
    watching.cancel()
    return seen


# Which rule, and which group.


async def test_the_first_rule_whose_matchers_and_condition_hold_places_an_alert(intake: Replicas) -> None:
    made = await intake.rules(
        "name: paid, match: ['team=checkout'], when: 'annotations[\"impact\"] == \"paid\"', group_by: [team]",
        "name: checkout, match: ['team=~check.*'], group_by: [team, site]",
    )
    paid, plain, other = await intake.first.send(
        saying("a", annotations={"impact": "paid"}, team="checkout", site="eu"),
        saying("b", annotations={"impact": "free"}, team="checkout", site="eu"),
        report("c", team="search"),
    )
    found = [await intake.alert(each.alert) for each in (paid, plain, other)]
    assert [(each.rule, each.rule_revision) for each in found] == [(name, made.revision) for name in ("paid", "checkout", "default")]
    incidents = [await intake.first.incident(each.incident) for each in (paid, plain, other)]
    assert [dict(each.group_labels) for each in incidents] == [
        {"team": "checkout"},
        {"team": "checkout", "site": "eu"},
        {"component": "c"},
    ]
    assert [(each.rule, each.rule_revision) for each in incidents] == [(name, made.revision) for name in ("paid", "checkout", "default")]


async def test_alerts_of_many_components_join_by_the_labels_the_rule_names(intake: Replicas) -> None:
    await intake.rules("name: by-site, group_by: [site]")
    receipts = [
        *await intake.first.send(report("a", site="eu"), report("b", site="eu"), report("c", site="us")),
        *await intake.second.send(report("d", site="eu")),
    ]
    assert [each.incident == receipts[0].incident for each in receipts] == [True, True, False, True]
    assert list((await intake.first.incident(receipts[0].incident)).components) == ["a", "b", "d"]


async def test_a_condition_that_cannot_be_evaluated_loses_no_alert_and_is_counted(intake: Replicas) -> None:
    await intake.rules("name: odd, when: 'int(annotations[\"n\"]) > 3'")
    bad, good = await intake.first.send(saying("a", annotations={"n": "many"}), saying("b", annotations={"n": "4"}))
    assert [(await intake.alert(each.alert)).rule for each in (bad, good)] == ["default", "odd"]


async def test_a_new_revision_places_the_next_alert_at_every_replica_and_leaves_what_is_open(intake: Replicas) -> None:
    await intake.rules("name: by-site, group_by: [site]")
    (before,) = await intake.second.send(report("a", site="eu", alertname="before"))
    made = await intake.rules("name: by-component, group_by: [component]")
    (other,) = await intake.second.send(report("a", site="eu", alertname="after"))
    (again,) = await intake.second.send(report("a", site="eu", alertname="before"))
    assert (outcome(other), outcome(again)) == ("OPENED", "REPEATED")
    assert other.incident != before.incident
    assert again.incident == before.incident
    assert ((await intake.alert(other.alert)).rule, (await intake.alert(other.alert)).rule_revision) == ("by-component", made.revision)
    await intake.first.send(report("a", 0, 60, site="eu", alertname="before"))
    assert (await intake.first.incident(before.incident)).state == OVER


# Quiet periods.


async def test_an_alert_within_the_quiet_period_reopens_the_incident_and_one_after_it_opens_another(intake: Replicas) -> None:
    await intake.rules("name: all, group_by: [component], quiet_period: 5m")
    (first,) = await intake.first.send(report("web", 0, alertname="a"))
    await intake.first.send(report("web", 0, 100, alertname="a"))
    assert (await intake.first.incident(first.incident)).state == OVER
    intake.clock.advance(START + timedelta(seconds=900))
    (soon,) = await intake.second.send(report("web", 400, alertname="b"))
    assert (outcome(soon), soon.incident) == ("OPENED", first.incident)
    again = await intake.first.incident(first.incident)
    assert (again.state, again.HasField("resolved_at"), again.alert_count) == (OPEN, False, 2)
    assert "REOPENED" in [kind for kind, _ in await intake.first.told(first.incident)]
    await intake.first.send(report("web", 400, 500, alertname="b"))
    (late,) = await intake.first.send(report("web", 801, alertname="c"))
    assert late.incident != first.incident


async def test_a_reopened_incident_is_told_of_as_reopened(intake: Replicas) -> None:
    await intake.rules("name: all, group_by: [component], quiet_period: 5m")
    (first,) = await intake.first.send(report("web", 0, alertname="a"))
    seen = await events(
        intake.first,
        2,
        intake.first.send(report("web", 0, 100, alertname="a")),
        intake.first.send(report("web", 200, alertname="b")),
    )
    assert seen == [(first.incident, "RESOLVED", ""), (first.incident, "OPEN", "")]


# Thresholds.


async def test_alerts_are_held_until_enough_came_and_then_all_of_them_join(intake: Replicas) -> None:
    await intake.rules("name: thrice, group_by: [component], threshold: {count: 3, within: 10m}")
    first, second = (*await intake.first.send(report("web", 0, alertname="a")), *await intake.second.send(report("web", 60, alertname="b")))
    assert [(outcome(each), each.incident) for each in (first, second)] == [("HELD", "")] * 2
    assert await intake.incidents("web") == []
    (third,) = await intake.first.send(report("web", 120, alertname="c"))
    assert outcome(third) == "OPENED"
    opened = await intake.first.incident(third.incident)
    assert (opened.alert_count, opened.firing_count, opened.opened_at.seconds) == (3, 3, int(START.timestamp()))
    assert list(opened.components) == ["web"]
    for receipt in (first, second):
        found = await intake.alert(receipt.alert)
        assert (found.disposition, found.incident) == (GROUPED, third.incident)
    (fourth,) = await intake.first.send(report("web", 130, alertname="d"))
    assert (outcome(fourth), fourth.incident) == ("OPENED", third.incident)


async def test_alerts_outside_the_span_do_not_count(intake: Replicas) -> None:
    await intake.rules("name: thrice, group_by: [component], threshold: {count: 3, within: 10m}")
    intake.clock.advance(START + timedelta(seconds=1600))
    for begin in (0, 500, 1000, 1500):
        (receipt,) = await intake.first.send(report("web", begin, alertname=str(begin)))
        assert outcome(receipt) == "HELD"
    (receipt,) = await intake.first.send(report("web", 1600, alertname="third within ten minutes"))
    assert outcome(receipt) == "OPENED"


async def test_the_nth_of_one_batch_opens_for_all_of_it(intake: Replicas) -> None:
    await intake.rules("name: thrice, group_by: [component], threshold: {count: 3, within: 10m}")
    receipts = await intake.first.send(*(report("web", number, alertname=str(number)) for number in range(3)))
    assert [outcome(each) for each in receipts] == ["OPENED"] * 3
    assert len({each.incident for each in receipts}) == 1


async def test_a_held_alert_that_ended_counts_and_joins_as_one_that_is_over(intake: Replicas) -> None:
    await intake.rules("name: thrice, group_by: [component], threshold: {count: 3, within: 10m}")
    (first,) = await intake.first.send(report("web", 0, alertname="a"))
    (ended,) = await intake.first.send(report("web", 0, 30, alertname="a"))
    assert (outcome(ended), ended.alert, ended.incident) == ("RESOLVED", first.alert, "")
    await intake.first.send(report("web", 60, alertname="b"))
    (third,) = await intake.first.send(report("web", 90, alertname="c"))
    opened = await intake.first.incident(third.incident)
    assert (opened.alert_count, opened.firing_count) == (3, 2)


async def test_an_alert_told_begin_and_end_at_once_is_held_too_and_may_be_the_nth(intake: Replicas) -> None:
    await intake.rules("name: twice, group_by: [component], threshold: {count: 2, within: 10m}")
    (first,) = await intake.first.send(report("web", 0, 30, alertname="a"))
    assert (outcome(first), first.incident) == ("RESOLVED", "")
    assert (await intake.alert(first.alert)).disposition == HELD
    (second,) = await intake.first.send(report("web", 60, 90, alertname="b"))
    assert second.incident
    opened = await intake.first.incident(second.incident)
    assert (opened.state, opened.alert_count, opened.firing_count) == (OVER, 2, 0)


async def test_a_signal_told_begin_and_end_at_once_again_and_again_reaches_a_threshold(intake: Replicas) -> None:
    await intake.rules("name: thrice, group_by: [component], threshold: {count: 3, within: 10m}")
    told = [(await intake.first.send(report("web", 100 * number, 100 * number + 50)))[0] for number in range(3)]
    assert [bool(each.incident) for each in told] == [False, False, True]


async def test_alerts_that_reach_a_threshold_at_two_replicas_at_once_open_one_incident(intake: Replicas) -> None:
    await intake.rules("name: thrice, group_by: [component], threshold: {count: 3, within: 10m}")
    sending = [
        replica.send(report("web", number, alertname=f"{number}-{index}"))
        for number in range(6)
        for index, replica in enumerate((intake.first, intake.second))
    ]
    await asyncio.gather(*sending)
    (opened,) = await intake.incidents("web")
    held = [each for each in await intake.first.alerts("") if each.disposition == HELD]
    assert (opened.alert_count, held) == (12, [])


# Dependencies.


async def test_an_alert_of_a_dependent_goes_into_the_incident_of_what_it_depends_on(intake: Replicas) -> None:
    await intake.rules("name: all, group_by: [component], dependencies: true")
    await intake.depends("web", "db")
    (db,) = await intake.first.send(report("db", 0))
    (web,) = await intake.second.send(report("web", 10))
    assert (outcome(web), web.incident) == ("OPENED", db.incident)
    assert list((await intake.first.incident(db.incident)).components) == ["db", "web"]


async def test_what_fails_second_takes_in_the_open_incidents_of_its_dependents(intake: Replicas) -> None:
    await intake.rules("name: all, group_by: [component], dependencies: true")
    await intake.depends("web", "api")
    await intake.depends("api", "db")
    (web,) = await intake.first.send(report("web", 0))
    (other,) = await intake.first.send(report("mail", 0))
    seen = await events(intake.second, 2, intake.second.send(report("db", 20)))
    (db,) = [each for each in await intake.incidents("db") if not each.merged_into]
    assert sorted(seen) == sorted([(web.incident, "RESOLVED", db.name), (db.name, "OPEN", "")])
    merged = await intake.first.incident(web.incident)
    assert (merged.state, merged.merged_into, merged.alert_count, merged.firing_count) == (OVER, db.name, 0, 0)
    assert (db.alert_count, db.firing_count, list(db.components)) == (2, 2, ["db", "web"])
    assert db.opened_at.seconds == int(START.timestamp())
    assert "MERGED" in [kind for kind, _ in await intake.first.told(web.incident)]
    assert "MERGED" in [kind for kind, _ in await intake.first.told(db.name)]
    assert (await intake.alert(web.alert)).incident == db.name
    assert (await intake.first.incident(other.incident)).state == OPEN
    # What comes of the dependent's group from now on goes where its alerts are, and clears there.
    (more,) = await intake.first.send(report("web", 30, alertname="more"))
    assert more.incident == db.name
    await intake.first.send(report("web", 0, 40), report("web", 30, 40, alertname="more"), report("db", 20, 50))
    over = await intake.first.incident(db.name)
    assert (over.state, over.alert_count, over.firing_count) == (OVER, 3, 0)


@pytest.mark.parametrize("order", [("web", "db"), ("db", "web")])
async def test_a_dependency_and_its_dependent_of_one_batch_are_one_incident(intake: Replicas, order: tuple[str, str]) -> None:
    await intake.rules("name: all, group_by: [component], dependencies: true")
    await intake.depends("web", "db")
    receipts = await intake.first.send(*(report(each, 0) for each in order))
    assert len({each.incident for each in receipts}) == 1


async def test_an_incident_the_same_batch_adds_to_is_taken_in_too(intake: Replicas) -> None:
    await intake.rules("name: all, group_by: [component], dependencies: true")
    await intake.depends("web", "db")
    (web,) = await intake.first.send(report("web", 0))
    more, db = await intake.first.send(report("web", 10, alertname="more"), report("db", 20))
    assert more.incident == db.incident
    assert (await intake.first.incident(web.incident)).merged_into == db.incident
    found = await intake.first.incident(db.incident)
    assert (found.alert_count, found.firing_count) == (3, 3)


async def test_an_older_word_of_a_component_changes_nothing(intake: Replicas) -> None:
    await intake.rules("name: all, group_by: [component], dependencies: true")
    await intake.depends("web", version=3)
    await intake.depends("web", "db", version=2)
    first, second = (*await intake.first.send(report("db")), *await intake.second.send(report("web")))
    assert first.incident != second.incident


# Similarity.


async def test_an_alert_told_in_like_words_joins_the_open_incident(intake: Replicas) -> None:
    await intake.rules("name: all, group_by: [component], similarity: {of: summary, at_least: 0.6}")
    refused = "connection to database orders refused on node"
    (first,) = await intake.first.send(saying("a", annotations={"summary": f"{refused} 17"}))
    alike, other = await intake.second.send(
        saying("b", annotations={"summary": f"{refused} 18"}),
        saying("c", annotations={"summary": "certificate of the mail relay expires soon"}),
    )
    assert alike.incident == first.incident
    assert other.incident != first.incident


# What rules did.


async def test_what_rules_took_is_counted_and_those_that_took_nothing_are_named(intake: Replicas) -> None:
    await intake.rules(
        "name: web, match: ['component=~web.*'], group_by: [component]",
        "name: idle, match: ['component=nothing'], group_by: [component]",
        "name: shadowed, match: ['component=~web.*', 'site=eu'], group_by: [component]",
    )
    await intake.first.send(*(report(f"web-{number}") for number in range(3)))
    await intake.second.send(report("web-4"), report("db"))
    intake.clock.advance(START + timedelta(seconds=11))

    async def counts() -> dict[str, int]:
        rules = (await intake.grouping.GetGroupingRules(pb.GetGroupingRulesRequest())).rules.rules
        return {each.name: each.use.match_count for each in rules}

    async def is_counted() -> bool:
        return (await counts())["web"] == 4

    await until(is_counted)
    unused = (await intake.grouping.GetUnusedGroupingRules(pb.GetUnusedGroupingRulesRequest(unused_for=Duration(seconds=1)))).rules
    assert {each.rule.name for each in unused} == {"idle", "shadowed"}
