"""Escalation in a running triage: forecasts by the class's own history, and what is told when a target is about to be missed."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from ballast.intake.v1 import intake_events_pb2
from ballast.triage.v1 import escalation_pb2, triage_events_pb2
from ballast.triage.v1 import queue_service_pb2 as pb

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import NotFound
from tests.support.triaging import OUTAGE, RESOLVED, Suite, assessment, changed, deliver, incident, opened, told, triage_serving


@pytest.fixture
async def suite(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    async with triage_serving(own_urls, engines, clock) as running:
        yield running


async def lasted(suite: Suite, minutes: int, at: datetime) -> None:
    """Tells of an incident of the class that is over after so many minutes."""
    over = incident("pay", title="It fails", at=at, state=RESOLVED, **OUTAGE)
    over.resolved_at.FromDatetime(at + timedelta(minutes=minutes))
    await deliver(suite, opened(over))


async def forecast(suite: Suite, name: str) -> escalation_pb2.RestoreForecast:
    return (await suite.queue.GetRestoreForecast(pb.GetRestoreForecastRequest(name=name))).forecast


async def escalations(suite: Suite, name: str = "") -> list[escalation_pb2.Escalation]:
    return list((await suite.queue.ListEscalations(pb.ListEscalationsRequest(incident=name))).escalations)


async def test_an_incident_that_is_likely_to_miss_its_target_is_escalated_once(suite: Suite, clock: SimulatedClock) -> None:
    now = clock.now()
    for number, minutes in enumerate((10, 12, 14, 300, 310, 320, 330, 340)):
        await lasted(suite, minutes, now - timedelta(days=number + 2))
    happened = incident("pay", title="It fails", at=now, **OUTAGE)
    await deliver(suite, opened(happened))
    found = await assessment(suite, happened.name)
    ahead = await forecast(suite, happened.name)
    assert ahead.miss_chance.chance == 5 / 8
    assert ahead.target_at.ToDatetime() - ahead.opened_at.ToDatetime() == found.restore_target.ToTimedelta()
    clock.advance(now + timedelta(minutes=20))
    await suite.app.tick()
    await suite.app.tick()
    (due,) = await escalations(suite, happened.name)
    assert (due.assessment, due.severity, due.miss_chance.chance, due.miss_chance.history_count) == (found.name, found.severity, 1, 5)
    assert "of 5 incidents of its class that lasted as long" in due.reason
    clock.advance(now + timedelta(days=1))
    await suite.app.tick()
    assert len(await escalations(suite)) == 1
    subject = f"{happened.name}/escalations/{due.target_at.ToDatetime():%Y%m%dT%H%M%SZ}"
    (event,) = await told(suite, subject)
    sent = triage_events_pb2.EscalationDue()
    assert event.proto_data.Unpack(sent)
    assert sent.escalation == due


async def test_a_tighter_target_is_another_promise_and_told_again(suite: Suite, clock: SimulatedClock) -> None:
    now = clock.now()
    happened = incident("mail", title="Mail is late", at=now, **OUTAGE)
    await deliver(suite, opened(happened))
    clock.advance(now + timedelta(days=4))
    await suite.app.tick()
    worse = incident("mail", name=happened.name, title="Mail is late", at=now, safety=True, **OUTAGE)
    await deliver(suite, changed(worse, 2))
    clock.advance(now + timedelta(days=4, minutes=1))
    await suite.app.tick()
    later, first = await escalations(suite, happened.name)
    assert later.target_at.ToDatetime() < first.target_at.ToDatetime()
    assert later.reason == "The time to restore, 1 h, has passed."


async def test_what_is_over_is_neither_escalated_nor_forecast(suite: Suite, clock: SimulatedClock) -> None:
    now = clock.now()
    happened = incident("pay", at=now, **OUTAGE)
    await deliver(suite, opened(happened))
    happened.state = RESOLVED  # type: ignore[assignment]
    happened.resolved_at.FromDatetime(now)
    await deliver(suite, changed(happened, 2, intake_events_pb2.INCIDENT_CHANGE_RESOLVED))
    clock.advance(now + timedelta(days=2))
    await suite.app.tick()
    assert await escalations(suite) == []
    with pytest.raises(NotFound) as missing:
        await forecast(suite, happened.name)
    assert missing.value.reason == "ASSESSMENT_NOT_FOUND"
