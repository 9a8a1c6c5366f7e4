"""Inputs of the score over the wire: what events and the clock bring, what SimulateAssessment changes, and what 2026.1 left behind."""

import itertools
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from ballast.triage.v1 import assessment_pb2, triage_events_pb2, what_if_pb2
from ballast.triage.v1 import calibration_service_pb2 as calibration_pb
from ballast.triage.v1 import triage_service_pb2 as pb
from sqlalchemy import text

from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.conftest import START
from tests.services.test_triage_calibration import history
from tests.support.triaging import OUTAGE, Suite, assessment, changed, deliver, event, incident, opened, triage_serving

NEW = ("budget_used", "recurrence", "redundancy_left", "flap_count", "evidence_age")
_versions = itertools.count(1)


@pytest.fixture
async def suite(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    async with triage_serving(own_urls, engines, clock) as running:
        yield running


def terms(of: assessment_pb2.Assessment) -> dict[str, assessment_pb2.ScoreTerm]:
    return {term.feature: term for term in of.terms}


async def test_what_the_event_tells_counts_and_what_it_leaves_out_is_missing(suite: Suite) -> None:
    told, silent = incident("pay", redundancy_left=0.25, flap_count=3, **OUTAGE), incident("mail", **OUTAGE)
    silent.ClearField("update_time")
    await deliver(suite, opened(told), opened(silent))
    found = terms(await assessment(suite, told.name))
    assert [(found[name].value, found[name].missing) for name in NEW[2:]] == [("0.25", False), ("3", False), ("0 h", False)]
    unknown = terms(await assessment(suite, silent.name))
    assert {name for name in NEW if unknown[name].missing} == {"budget_used", "redundancy_left", "flap_count", "evidence_age"}
    assert all(unknown[name].contribution == 0.0625 for name in NEW if unknown[name].missing)


async def test_the_second_of_a_class_has_recurred_once(suite: Suite) -> None:
    first, second = incident("pay"), incident("pay", at=START + timedelta(hours=1))
    await deliver(suite, opened(first), opened(second))
    assert [terms(await assessment(suite, each.name))["recurrence"].value for each in (first, second)] == ["0", "1"]


async def test_evidence_that_is_told_again_is_fresh_and_what_is_looked_at_again_later_is_less_sure(
    suite: Suite, clock: SimulatedClock
) -> None:
    happened = incident("pay", users_affected=100, **OUTAGE)
    await deliver(suite, opened(happened))
    first = await assessment(suite, happened.name)
    clock.advance(clock.now() + timedelta(minutes=50))
    assert await again(suite, happened.name) == first
    clock.advance(clock.now() + timedelta(hours=4))
    later = await again(suite, happened.name)
    assert (terms(later)["evidence_age"].value, later.revision) == ("4 h", 2)
    assert later.score > first.score
    assert later.confidence < first.confidence
    assert [each.subject for each in later.differences] == ["evidence_age"]
    told = incident("pay", name=happened.name, users_affected=100, **OUTAGE)
    told.update_time.FromDatetime(clock.now())
    await deliver(suite, changed(told, 2))
    fresh = await assessment(suite, happened.name)
    assert (terms(fresh)["evidence_age"].value, fresh.confidence) == ("0 h", first.confidence)


@pytest.mark.parametrize(
    ("feature", "number", "shown"),
    [
        ("budget_used", 0.9, "0.9"),
        ("recurrence", 7, "7"),
        ("redundancy_left", 0, "0"),
        ("flap_count", 12, "12"),
        ("evidence_age", 16, "16 h"),
    ],
)
async def test_each_new_input_can_be_supposed_and_the_answer_is_the_same_each_time(
    suite: Suite, feature: str, number: float, shown: str
) -> None:
    happened = incident("pay", redundancy_left=1.0, flap_count=0, **OUTAGE)
    await deliver(suite, opened(happened))
    change = what_if_pb2.InputChange(feature=feature, number=number)
    request = pb.SimulateAssessmentRequest(incident=happened.name, changes=[change])
    answer = await suite.triage.SimulateAssessment(request)
    assert await suite.triage.SimulateAssessment(request) == answer
    assert (terms(answer.assessment)[feature].value, terms(answer.assessment)[feature].missing) == (shown, False)
    difference = next(each for each in answer.assessment.differences if each.subject == feature)
    assert difference.points == answer.assessment.score - (await assessment(suite, happened.name)).score > 0
    unknown = pb.SimulateAssessmentRequest(incident=happened.name, changes=[what_if_pb2.InputChange(feature=feature)])
    assert terms((await suite.triage.SimulateAssessment(unknown)).assessment)[feature].missing


async def test_an_assessment_by_2026_1_stays_readable_and_the_next_one_says_what_was_not_looked_at(suite: Suite) -> None:
    happened = incident("pay", users_affected=5, **OUTAGE)
    await deliver(suite, opened(happened))
    await age(suite, "assessment_revision", "finding", _finding_of_2026_1)
    await age(suite, "assessment", "snapshot", _snapshot_of_2026_1)
    old = await assessment(suite, happened.name)
    assert (old.model_version, len(old.terms)) == ("2026.1", 11)
    new = await again(suite, happened.name)
    assert (new.model_version, len(new.terms), new.revision) == ("2026.2", 16, 2)
    before = {each.subject: each.before for each in new.differences}
    assert before["model_version"] == "2026.1"
    assert {before[name] for name in NEW} == {"not looked at"}
    assert {name for name in NEW if terms(new)[name].missing} == set(NEW) - {"recurrence"}
    assert await assessment(suite, happened.name, 1) == old


async def test_weights_are_fitted_to_incidents_that_2026_1_closed(suite: Suite) -> None:
    await history(suite, 80)
    await age(suite, "closed_incident", "inputs", lambda stored: stored | {"readings": _without(stored["readings"])})
    made = (await suite.calibration.FitWeights(calibration_pb.FitWeightsRequest(validate_only=True))).candidate
    assert (made.fit.used_count, len(made.weights)) == (80, 16)


async def again(suite: Suite, name: str) -> assessment_pb2.Assessment:
    """Has all open incidents looked at once more, as when the gating rules changed."""
    await deliver(suite, event("gatingRules", next(_versions), triage_events_pb2.GatingRulesChanged()))
    return await assessment(suite, name)


async def age(suite: Suite, table: str, column: str, change: Any) -> None:
    """Rewrites what is stored as an older version would have stored it."""
    async with suite.app.database.transaction() as connection:
        rows = (await connection.execute(text(f"select ctid::text as place, {column} as stored from {table}"))).all()
        for row in rows:
            values = {"stored": json.dumps(change(row.stored)), "place": row.place}
            await connection.execute(text(f"update {table} set {column} = cast(:stored as jsonb) where ctid::text = :place"), values)


def _finding_of_2026_1(stored: dict[str, Any]) -> dict[str, Any]:
    score = stored["verdict"]["score"]
    score["terms"] = [each for each in score["terms"] if each["feature"] not in NEW]
    return stored | {"model_version": "2026.1"}


def _snapshot_of_2026_1(stored: dict[str, Any]) -> dict[str, Any]:
    del stored["changed_at"]
    return stored | {"evidence": _without(stored["evidence"])}


def _without(stored: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in stored.items() if name not in NEW}
