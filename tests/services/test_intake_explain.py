"""Explanations as people read them: why an alert is where it is, and what would have happened otherwise, shown by letting it happen."""

from collections.abc import AsyncIterator

import pytest
from ballast.intake.v1 import alert_pb2, explanation_pb2

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound
from shared.testing.databases import Databases
from tests.conftest import START
from tests.services.test_intake_storm import SMALL, begin
from tests.support.intake import report
from tests.support.replicas import Replicas, inhibit_rule, replicas_serving

GROUPED, MUTED, HELD, SUMMARISED = 1, 2, 3, 4


@pytest.fixture
async def intake(own_urls: dict[str, str], engines: Engines) -> AsyncIterator[Replicas]:
    async with replicas_serving(own_urls, engines, SimulatedClock(START), **SMALL) as running:
        yield running


@pytest.fixture
def other_urls(databases: Databases) -> dict[str, str]:
    return databases.clone()


@pytest.fixture
async def otherwise(other_urls: dict[str, str], engines: Engines) -> AsyncIterator[Replicas]:
    """Another intake, in which the other thing happens."""
    async with replicas_serving(other_urls, engines, SimulatedClock(START), **SMALL) as running:
        yield running


def lines(explained: explanation_pb2.ExplainAlertResponse, step: str) -> list[explanation_pb2.ExplanationLine]:
    return [each for each in explained.lines if explanation_pb2.ExplanationStep.Name(each.step) == f"EXPLANATION_STEP_{step}"]


def said(explained: explanation_pb2.ExplainAlertResponse, condition: str) -> explanation_pb2.Counterfactual:
    """Returns the only thing said of a condition that begins so."""
    (found,) = [each for each in explained.counterfactuals if each.condition.startswith(condition)]
    return found


# Where alerts are, and why.


async def test_an_alert_that_opened_an_incident_says_so_with_rule_and_revision(intake: Replicas) -> None:
    (receipt,) = await intake.first.send(report("web", alertname="slow"))
    explained = await intake.explain(receipt.alert)
    assert explained.alert == await intake.alert(receipt.alert)
    assert explained.incident == await intake.first.incident(receipt.incident)
    assert explained.summary == f"grouped into {receipt.incident} by the built-in rule (revision 1)"
    assert explained.decided_at == explained.alert.create_time
    assert [each.text for each in lines(explained, "MUTING")] == ["nothing muted it"]
    assert lines(explained, "GROUPING")[-1].resource == "groupingRules/1"
    (incident,) = lines(explained, "INCIDENT")
    assert (incident.resource, incident.text) == (
        receipt.incident,
        f"opened {receipt.incident}, with what came at the same moment: its group had no open incident",
    )
    assert receipt.fingerprint in lines(explained, "IDENTITY")[0].text


async def test_an_alert_that_joined_names_the_incident_the_rules_tried_and_the_one_that_took_it(intake: Replicas) -> None:
    made = await intake.rules("name: search, match: ['team=search']", "name: web, match: ['team=web'], group_by: [site]")
    await intake.first.send(report("a", team="web", site="eu"))
    await intake.pass_time(seconds=30)
    (receipt,) = await intake.first.send(report("b", 30, team="web", site="eu"))
    explained = await intake.explain(receipt.alert)
    tried, took = lines(explained, "GROUPING")
    assert tried.text == "rule search does not take it: team=\"search\" does not hold, team is 'web'"
    assert took.text == f'rule web of revision {made.revision} takes it, into the group web:[["site","eu"]]'
    assert {(each.resource, each.version) for each in (tried, took)} == {(f"groupingRules/{made.revision}", made.revision)}
    assert lines(explained, "INCIDENT")[0].text.startswith(f"joined {receipt.incident}, which was open since 2026-03-02T09:00:00")


async def test_an_alert_is_explained_by_the_revision_that_placed_it_whatever_came_since(intake: Replicas) -> None:
    (first,) = await intake.first.send(report("a", team="web"))
    made = await intake.rules("name: web, match: ['team=web'], group_by: [team]")
    (second,) = await intake.first.send(report("b", team="web"))
    await intake.rules("name: other, match: ['team=other'], group_by: [team]")
    before, after = await intake.explain(first.alert), await intake.explain(second.alert)
    assert [each.text for each in lines(before, "GROUPING")] == [
        'the built-in rule of revision 1 takes it, into the group [["component","a"]]'
    ]
    assert [(each.text, each.version) for each in lines(after, "GROUPING")] == [
        (f'rule web of revision {made.revision} takes it, into the group web:[["team","web"]]', made.revision)
    ]


async def test_a_muted_alert_names_the_silence_and_its_version(intake: Replicas) -> None:
    silence = await intake.silence("component=web")
    (receipt,) = await intake.first.send(report("web"))
    explained = await intake.explain(receipt.alert)
    assert explained.summary == f"kept, and muted by {silence} (version 1)"
    assert not explained.HasField("incident")
    assert [(each.resource, each.version) for each in lines(explained, "MUTING")] == [(silence, 1)]


async def test_an_alert_muted_by_a_window_or_another_alert_names_that(intake: Replicas) -> None:
    window = await intake.window("component=db", "2026-03-02T08:30", "UTC", "")
    await intake.inhibit(inhibit_rule("alertname=Down", "alertname=Slow", "cluster", name="down"))
    by_window, _, inhibited = await intake.first.send(
        report("db"), report("c", alertname="Down", cluster="eu"), report("web", alertname="Slow", cluster="eu")
    )
    assert lines(await intake.explain(by_window.alert), "MUTING")[0].resource == window
    explained = await intake.explain(inhibited.alert)
    assert (lines(explained, "MUTING")[0].resource, lines(explained, "MUTING")[0].version) == ("inhibitRules/down", 1)


async def test_an_alert_let_go_says_what_muted_it_at_first(intake: Replicas) -> None:
    silence = await intake.silence("component=web", seconds=60)
    (receipt,) = await intake.first.send(report("web"))
    await intake.pass_time(seconds=60)
    explained = await intake.explain(receipt.alert)
    assert lines(explained, "MUTING")[0].text == f"was muted at first by {silence}"
    assert lines(explained, "INCIDENT")[0].text == f"went into {explained.incident.name} once nothing muted it any more"


async def test_a_near_miss_is_named_with_the_matcher_that_failed(intake: Replicas) -> None:
    silence = await intake.silence("component=web", "site=eu")
    (receipt,) = await intake.first.send(report("web", site="us"))
    explained = await intake.explain(receipt.alert)
    assert f"{silence} nearly mutes it: site=\"eu\" does not hold, site is 'us'" in [each.text for each in lines(explained, "MUTING")]
    assert said(explained, 'with site="eu"').disposition == MUTED


async def test_a_held_alert_names_the_rule_it_waits_for(intake: Replicas) -> None:
    await intake.rules("name: thrice, group_by: [component], threshold: {count: 3, within: 10m}")
    first = (await intake.first.send(report("web", alertname="a")))[0]
    assert (await intake.explain(first.alert)).summary == "kept, and held by rule thrice until enough of its kind come"
    await intake.pass_time(seconds=30)
    await intake.first.send(report("web", 30, alertname="b"), report("web", 30, alertname="c"))
    explained = await intake.explain(first.alert)
    assert lines(explained, "INCIDENT")[0].text == f"went into {explained.incident.name} once 3 of its kind came within 0:10:00"


async def test_a_summarised_alert_names_the_storm(intake: Replicas) -> None:
    storm = await begin(intake)
    (receipt,) = await intake.first.send(report("new"))
    explained = await intake.explain(receipt.alert)
    assert explained.summary == f"kept, and gathered into the storm's incident {storm.incident}"
    assert [each.resource for each in lines(explained, "STORM")] == [storm.name]


async def test_an_alert_taken_in_by_what_it_depends_on_says_that_it_is_there_for_another_group(intake: Replicas) -> None:
    await intake.rules("name: all, group_by: [component], dependencies: true")
    await intake.depends("web", "db")
    (web,) = await intake.first.send(report("web"))
    await intake.pass_time(seconds=5)
    (db,) = await intake.first.send(report("db", 5))
    explained = await intake.explain(web.alert)
    assert explained.incident.name == db.incident
    assert "is of another group" in lines(explained, "INCIDENT")[0].text


async def test_a_life_of_many_begins_is_told(intake: Replicas) -> None:
    (receipt,) = await intake.first.send(report("web"))
    await intake.first.send(report("web", 0, 10))
    (again,) = await intake.first.send(report("web", 20))
    assert (again.outcome, again.alert) == (alert_pb2.REPORT_OUTCOME_REFIRED, receipt.alert)
    told = [each.text for each in lines(await intake.explain(receipt.alert), "LIFE")]
    assert "still fires; reported 3 times, last by test" in told[0]
    assert told[1].startswith("2 begins were told of it, 1 of them after an end")
    for begin_ in range(60, 360, 60):
        await intake.first.send(report("web", 0, begin_ - 30))
        (last,) = await intake.first.send(report("web", begin_))
    assert lines(await intake.explain(last.alert), "LIFE")[-1].text == "it flaps: it began again and again"
    assert (await intake.alert(last.alert)).flapping


async def test_an_alert_of_the_history_is_explained_too(intake: Replicas) -> None:
    (receipt,) = await intake.first.send(report("web"))
    await intake.first.send(report("web", 0, 10))
    await intake.pass_time(hours=30)
    assert (await intake.explain(receipt.alert)).incident.name == receipt.incident


async def test_an_alert_nobody_knows_is_not_found_and_no_name_is_refused(intake: Replicas) -> None:
    with pytest.raises(NotFound) as error:
        await intake.explain("alerts/00000000-0000-0000-0000-000000000000")
    assert error.value.reason == "ALERT_NOT_FOUND"
    with pytest.raises(InvalidInput) as refused:
        await intake.explain("alerts/x")
    assert refused.value.violations[0].field == "name"


# What would have happened otherwise, and does.


async def test_without_the_silence_it_would_have_joined_the_incident_there_was_and_does(intake: Replicas, otherwise: Replicas) -> None:
    (before,) = await intake.first.send(report("web", alertname="a"))
    silence = await intake.silence("alertname=b")
    (muted,) = await intake.first.send(report("web", alertname="b"))
    told = said(await intake.explain(muted.alert), f"without {silence}")
    assert (told.disposition, told.incident) == (GROUPED, before.incident)
    assert told.text == f"the built-in rule would have put it into {before.incident}"
    first, second = await otherwise.first.send(report("web", alertname="a"), report("web", alertname="b"))
    assert first.incident == second.incident
    assert (await otherwise.alert(second.alert)).disposition == told.disposition


async def test_without_the_silence_it_would_have_opened_an_incident_and_does(intake: Replicas, otherwise: Replicas) -> None:
    silence = await intake.silence("component=web")
    (muted,) = await intake.first.send(report("web"))
    told = said(await intake.explain(muted.alert), f"without {silence}")
    assert (told.disposition, told.incident, told.group_key) == (GROUPED, "", '[["component","web"]]')
    assert await intake.incidents("web") == []  # nothing of the trial stays
    (opened,) = await otherwise.first.send(report("web"))
    found = await otherwise.first.incident(opened.incident)
    assert (opened.outcome, dict(found.group_labels)) == (alert_pb2.REPORT_OUTCOME_OPENED, {"component": "web"})


async def test_what_is_said_of_an_incident_that_is_over_by_now_is_true(intake: Replicas, otherwise: Replicas) -> None:
    (before,) = await intake.first.send(report("web", 0, alertname="a"))
    silence = await intake.silence("alertname=b")
    (muted,) = await intake.first.send(report("web", 30, alertname="b"))
    await intake.first.send(report("web", 0, 60, alertname="a"))
    assert said(await intake.explain(muted.alert), f"without {silence}").incident == before.incident
    first, second = await otherwise.first.send(report("web", 0, alertname="a"), report("web", 30, alertname="b"))
    assert first.incident == second.incident


async def test_without_the_silence_it_would_have_been_the_nth_and_is(intake: Replicas, otherwise: Replicas) -> None:
    for each in (intake, otherwise):
        await each.rules("name: twice, group_by: [component], threshold: {count: 2, within: 10m}")
    silence = await intake.silence("alertname=b")
    held, muted = await intake.first.send(report("web", alertname="a"), report("web", alertname="b"))
    told = said(await intake.explain(muted.alert), f"without {silence}")
    assert (told.disposition, told.incident) == (GROUPED, "")
    assert (await intake.alert(held.alert)).disposition == HELD  # the trial let nothing go
    first, second = await otherwise.first.send(report("web", alertname="a"), report("web", alertname="b"))
    assert first.incident == second.incident != ""


async def test_without_the_silence_it_would_have_been_held_and_is(intake: Replicas, otherwise: Replicas) -> None:
    for each in (intake, otherwise):
        await each.rules("name: twice, group_by: [component], threshold: {count: 2, within: 10m}")
    silence = await intake.silence("alertname=b")
    (muted,) = await intake.first.send(report("web", alertname="b"))
    told = said(await intake.explain(muted.alert), f"without {silence}")
    assert (told.disposition, told.incident) == (HELD, "")
    (held,) = await otherwise.first.send(report("web", alertname="b"))
    assert (await otherwise.alert(held.alert)).disposition == HELD


async def test_without_the_silence_it_would_have_gone_where_its_dependency_fails_and_does(intake: Replicas, otherwise: Replicas) -> None:
    for each in (intake, otherwise):
        await each.rules("name: all, group_by: [component], dependencies: true")
        await each.depends("web", "db")
    silence = await intake.silence("component=web")
    db, web = await intake.first.send(report("db"), report("web"))
    assert said(await intake.explain(web.alert), f"without {silence}").incident == db.incident
    first, second = await otherwise.first.send(report("db"), report("web"))
    assert first.incident == second.incident


async def test_without_the_silence_another_would_have_muted_it_and_does(intake: Replicas, otherwise: Replicas) -> None:
    longer = await intake.silence("component=~w.*", seconds=7200)
    shorter = await intake.silence("component=web")
    (muted,) = await intake.first.send(report("web"))
    told = said(await intake.explain(muted.alert), f"without {longer}")
    assert (told.disposition, told.text) == (MUTED, f"{shorter} would have muted it all the same")
    await otherwise.silence("component=web")
    (also,) = await otherwise.first.send(report("web"))
    assert (await otherwise.alert(also.alert)).disposition == MUTED


async def test_without_the_threshold_without_the_rule_and_without_the_storm(intake: Replicas, otherwise: Replicas) -> None:
    await intake.rules("name: twice, match: ['team=web'], group_by: [component], threshold: {count: 2, within: 10m}")
    await otherwise.rules("name: twice, match: ['team=web'], group_by: [component]")
    (held,) = await intake.first.send(report("web", team="web"))
    explained = await intake.explain(held.alert)
    assert said(explained, "without the threshold").group_key == 'twice:[["component","web"]]'
    assert said(explained, "without rule twice").group_key == '[["component","web"]]'
    (opened,) = await otherwise.first.send(report("web", team="web"))
    assert (await otherwise.alert(opened.alert)).disposition == GROUPED
    await begin(intake)
    (summarised,) = await intake.first.send(report("new"))
    told = said(await intake.explain(summarised.alert), "without the storm")
    assert (told.disposition, told.incident, told.group_key) == (GROUPED, "", '[["component","new"]]')
    (plain,) = await otherwise.first.send(report("new"))
    assert (await otherwise.alert(plain.alert)).disposition == GROUPED
