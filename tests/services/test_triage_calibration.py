"""Calibration of a running triage: what counts as a final severity, measures over them, weights fitted to them, and versions."""

import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from ballast.intake.v1 import incident_pb2, intake_events_pb2
from ballast.triage.v1 import calibration_pb2, scoring_model_pb2
from ballast.triage.v1 import calibration_service_pb2 as pb
from ballast.triage.v1 import queue_service_pb2 as queue_pb

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound, PreconditionFailed
from tests.conftest import START
from tests.support.triaging import OPEN, OUTAGE, RESOLVED, Suite, assessment, changed, deliver, incident, opened, triage_serving

RATED = intake_events_pb2.INCIDENT_CHANGE_SEVERITY
CANDIDATE, IN_FORCE = scoring_model_pb2.SCORING_MODEL_STATE_CANDIDATE, scoring_model_pb2.SCORING_MODEL_STATE_IN_FORCE


@pytest.fixture
async def suite(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    async with triage_serving(own_urls, engines, clock) as running:
        yield running


def over(*components: str, rated: int = 0, at: datetime = START, rated_at: datetime | None = None, **more: Any) -> incident_pb2.Incident:
    """Builds an incident that ended at `at`, which people rated where `rated` says so."""
    built = incident(*components, state=RESOLVED, at=at - timedelta(hours=1), **more)
    built.resolved_at.FromDatetime(at)
    if rated:
        rate(built, rated, rated_at or at)
    return built


def rate(built: incident_pb2.Incident, severity: int, at: datetime) -> None:
    built.rating.severity = severity  # type: ignore[assignment]  # the numbers are the contract's
    built.rating.reason = "it was"
    built.rating.set_by = "ada"
    built.rating.set_at.FromDatetime(at)


async def measured(suite: Suite, **conditions: Any) -> calibration_pb2.Calibration:
    request = pb.GetCalibrationRequest(filter=pb.CalibrationFilter(**conditions))
    return (await suite.calibration.GetCalibration(request)).calibration


def cells(found: calibration_pb2.Calibration) -> dict[tuple[int, int], int]:
    return {(each.assessed, each.final): each.count for each in found.confusion if each.count}


async def models(suite: Suite, page_size: int = 0) -> list[scoring_model_pb2.ScoringModel]:
    found: list[scoring_model_pb2.ScoringModel] = []
    token = ""
    while True:
        page = await suite.calibration.ListScoringModels(pb.ListScoringModelsRequest(page_size=page_size, page_token=token))
        found += page.models
        token = page.next_page_token
        if not token:
            return found


async def history(suite: Suite, count: int, seed: int = 1, **more: Any) -> None:
    """Tells of incidents that are over, whose final severities follow what was seen of them more strongly than the model thinks."""
    chance = Random(seed)
    events = []
    for _ in range(count):
        impact, burn = chance.choice([1, 2, 3]), chance.choice([0.5, 3.0, 14.4])
        final = min(5, max(1, 6 - impact - (burn > 1) - (burn > 10) + chance.choice([0, 0, 0, 1])))
        events.append(opened(over("pay", rated=final, service_impact=impact, burn_rate=burn, **more)))
    for begin in range(0, count, 100):
        await deliver(suite, *events[begin : begin + 100])


async def test_an_incident_that_is_over_and_rated_counts_as_it_was_assessed_and_as_it_was_rated(suite: Suite) -> None:
    ended = over("pay", rated=2, **OUTAGE)
    await deliver(suite, opened(ended))
    found = await measured(suite)
    assert cells(found) == {((await assessment(suite, ended.name)).assessed_severity, 2): 1}
    assert found.count == 1
    assert not found.brier_score.HasField("value")
    assert found.brier_score.cannot_tell == "1 incidents have a final severity; 30 are needed"
    costs: dict[tuple[int, int], float] = {(each.assessed, each.final): each.cost for each in found.confusion}
    assert (costs[4, 2], costs[2, 4], costs[3, 3], len(costs)) == (16, 4, 0, 25)


async def test_a_rating_counts_once_the_incident_is_over_and_not_while_it_is_open_again(suite: Suite) -> None:
    told = incident("pay", state=OPEN, **OUTAGE)
    rate(told, 3, START)
    await deliver(suite, opened(told))
    assert (await measured(suite)).count == 0
    told.state = RESOLVED  # type: ignore[assignment]
    told.resolved_at.FromDatetime(START)
    await deliver(suite, changed(told, 2, intake_events_pb2.INCIDENT_CHANGE_RESOLVED))
    assert (await measured(suite)).count == 1
    told.state = OPEN  # type: ignore[assignment]
    told.ClearField("resolved_at")
    await deliver(suite, changed(told, 3, intake_events_pb2.INCIDENT_CHANGE_REOPENED))
    assert (await measured(suite)).count == 0


async def test_the_newest_rating_counts_and_an_older_event_changes_nothing(suite: Suite) -> None:
    told = over("pay", rated=4)
    await deliver(suite, opened(told))
    rate(told, 1, START + timedelta(hours=2))
    await deliver(suite, changed(told, 3, RATED))
    rate(told, 5, START + timedelta(hours=1))
    await deliver(suite, changed(told, 2, RATED))
    assert [final for _, final in cells(await measured(suite))] == [1]


async def test_a_severity_given_in_triage_is_a_final_one_until_it_is_taken_back(suite: Suite, clock: SimulatedClock) -> None:
    told = over("pay", rated=3, rated_at=clock.now() - timedelta(days=1))
    await deliver(suite, opened(told))
    override = queue_pb.OverrideSeverityRequest(name=told.name, severity=1, reason="I saw it")  # type: ignore[arg-type]
    await suite.queue.OverrideSeverity(override)
    assert [final for _, final in cells(await measured(suite))] == [1]
    await suite.queue.WithdrawOverride(queue_pb.WithdrawOverrideRequest(name=told.name, reason="I was wrong"))
    assert [final for _, final in cells(await measured(suite))] == [3]


async def test_what_a_person_said_instead_is_no_claim_of_triage(suite: Suite) -> None:
    told = incident("pay", **OUTAGE)
    await deliver(suite, opened(told))
    before = (await assessment(suite, told.name)).assessed_severity
    override = queue_pb.OverrideSeverityRequest(name=told.name, severity=5, reason="only a drill")  # type: ignore[arg-type]
    await suite.queue.OverrideSeverity(override)
    told.state = RESOLVED  # type: ignore[assignment]
    told.resolved_at.FromDatetime(START)
    await deliver(suite, changed(told, 2, intake_events_pb2.INCIDENT_CHANGE_RESOLVED))
    assert cells(await measured(suite)) == {(before, 5): 1}


async def test_an_incident_that_was_merged_is_not_counted_by_itself(suite: Suite) -> None:
    told = over("pay", rated=3)
    await deliver(suite, opened(told))
    told.merged_into = f"incidents/{uuid.uuid4()}"
    await deliver(suite, changed(told, 2, intake_events_pb2.INCIDENT_CHANGE_MERGED))
    assert (await measured(suite)).count == 0


async def test_measures_can_be_asked_for_a_team_a_component_and_a_period(suite: Suite) -> None:
    later = START + timedelta(days=7)
    events = [over("pay", rated=1), over("mail", rated=4, at=later), over("mail", "pay", rated=2, at=later), over("ghost", rated=5)]
    await deliver(suite, *[opened(each) for each in events])
    finals = {
        "team": await measured(suite, team="teams/mail"),
        "component": await measured(suite, component="components/pay"),
        "unknown": await measured(suite, component="components/ghost"),
        "before": await measured(suite, end_time=later),
        "since": await measured(suite, start_time=later, team="teams/money"),
    }
    assert {key: sorted(final for _, final in cells(found)) for key, found in finals.items()} == {
        "team": [2, 4],
        "component": [1, 2],
        "unknown": [5],
        "before": [1, 5],
        "since": [2],
    }


async def test_a_period_that_ends_before_it_starts_is_refused(suite: Suite) -> None:
    with pytest.raises(InvalidInput) as refused:
        await measured(suite, start_time=START, end_time=START)
    assert refused.value.reason == "PERIOD_INVALID"
    assert refused.value.violations[0].field == "filter.end_time"


async def test_enough_incidents_give_every_measure(suite: Suite) -> None:
    await history(suite, 100)
    found = await measured(suite)
    measures = (
        found.brier_score,
        found.calibration_error,
        found.ranked_probability_score,
        found.quadratic_kappa,
        found.mean_cost,
        found.exact_share,
    )
    assert {(each.count, each.HasField("value"), each.cannot_tell) for each in measures} == {(100, True, "")}
    exact = sum(count for (assessed, final), count in cells(found).items() if assessed == final) / 100
    assert found.exact_share.value == pytest.approx(exact)
    assert found.under_triage_share.value + found.over_triage_share.value == pytest.approx(1 - exact)


async def test_too_few_final_severities_are_refused_and_leave_no_candidate(suite: Suite) -> None:
    await history(suite, 20)
    with pytest.raises(PreconditionFailed) as refused:
        await suite.calibration.FitWeights(pb.FitWeightsRequest(reason="tried"))
    assert refused.value.reason == "TOO_FEW_LABELS"
    assert "60 are needed" in refused.value.message
    assert [each.state for each in await models(suite)] == [IN_FORCE]


@pytest.mark.parametrize("reason", ["", "  ", "\u200b"])
async def test_a_fit_without_a_reason_is_refused(suite: Suite, reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await suite.calibration.FitWeights(pb.FitWeightsRequest(reason=reason))
    assert (refused.value.reason, refused.value.violations[0].field) == ("REASON_EMPTY", "reason")


async def test_fitting_stores_a_candidate_with_its_measures_and_assesses_nothing_by_it(suite: Suite) -> None:
    await history(suite, 150)
    request = pb.FitWeightsRequest(request_id=str(uuid.uuid4()), reason="a year has passed")
    preview = pb.FitWeightsRequest(validate_only=True)
    seen = (await suite.calibration.FitWeights(preview)).candidate
    assert [each.state for each in await models(suite)] == [IN_FORCE]
    made = (await suite.calibration.FitWeights(request)).candidate
    assert (made.state, made.author, made.reason, made.fit.base_version) == (CANDIDATE, "ada", "a year has passed", "2026.2")
    assert (made.version, made.weights_hash, made.weights) == (seen.version, seen.weights_hash, seen.weights)
    assert (made.fit.used_count, made.fit.left_out_count, made.fit.before.count, made.fit.after.count) == (150, 0, 150, 150)
    assert made.fit.after.ranked_probability_score.value < made.fit.before.ranked_probability_score.value
    assert (await suite.calibration.FitWeights(request)).candidate == made
    assert (await suite.calibration.FitWeights(pb.FitWeightsRequest(reason="again"))).candidate == made  # stored once
    assert (await suite.calibration.GetScoringModel(pb.GetScoringModelRequest(name=made.name))).model == made
    fresh = incident("pay")
    await deliver(suite, opened(fresh))
    assert (await assessment(suite, fresh.name)).model_version == "2026.2"


async def test_versions_are_listed_newest_first_in_pages(suite: Suite, clock: SimulatedClock) -> None:
    await models(suite)
    clock.advance(clock.now() + timedelta(minutes=1))
    await history(suite, 70)
    await suite.calibration.FitWeights(pb.FitWeightsRequest(reason="tried"))
    found = await models(suite, page_size=1)
    assert [each.state for each in found] == [CANDIDATE, IN_FORCE]
    assert found == await models(suite)


async def test_the_version_in_force_shows_every_weight(suite: Suite) -> None:
    shown = (await suite.calibration.GetScoringModel(pb.GetScoringModelRequest())).model
    assert (shown.name, shown.author, shown.HasField("fit")) == ("scoringModels/2026.2", "system", False)
    assert (shown.offset, shown.factor, shown.currency, len(shown.weights)) == (50, 8, "USD", 16)
    scales = {each.feature: each.scale for each in shown.weights}
    assert scales["alert_count"] == "by doublings, 0 at 1 and 1 at 1,024"
    assert scales["service_impact"] == "information 0, disruption 0.5, outage 1"
    assert scales["users_affected"] == "logarithmic, 0 at 0 and 1 at 1,000,000"
    assert scales["burn_rate"] == "logarithmic, 0 at 0 and 1 at 14.4"
    assert scales["redundancy_left"] == "of what is left, 0 at 1 and 1 at 0"
    by_name = await suite.calibration.GetScoringModel(pb.GetScoringModelRequest(name=shown.name))
    assert by_name.model == shown


async def test_a_version_that_is_not_there_says_so(suite: Suite) -> None:
    with pytest.raises(NotFound) as missing:
        await suite.calibration.GetScoringModel(pb.GetScoringModelRequest(name="scoringModels/2026.2-fit.00000000"))
    assert missing.value.reason == "SCORING_MODEL_NOT_FOUND"
