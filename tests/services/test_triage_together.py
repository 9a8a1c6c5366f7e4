"""Events that come together: what is made of them is what is made of them one after the other."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from ballast.events.v1.cloudevents_pb2 import CloudEvent
from ballast.intake.v1 import incident_pb2, intake_events_pb2
from google.protobuf.json_format import MessageToDict
from sqlalchemy import text

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput
from tests.conftest import START
from tests.support.triaging import (
    ACCEPTED,
    INFORMATION,
    OUTAGE,
    RESOLVED,
    STALE,
    Suite,
    assessment,
    changed,
    deliver,
    incident,
    made,
    opened,
    triage_serving,
)

RESOLVE, MERGE = intake_events_pb2.INCIDENT_CHANGE_RESOLVED, intake_events_pb2.INCIDENT_CHANGE_MERGED


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    async with triage_serving(urls, engines, clock) as running:
        yield running


def story(title: str) -> tuple[list[str], list[CloudEvent]]:
    """Tells of incidents, some of one class, opened, changed, resolved, merged, out of order; `title` keeps the classes of two apart."""
    names = [f"incidents/{uuid.uuid4()}" for _ in range(5)]

    def of(place: int, *components: str, minutes: int = 0, **more: Any) -> incident_pb2.Incident:
        return incident(*components, name=names[place], title=title, at=START + timedelta(minutes=minutes), **more)

    over = of(0, "pay", state=RESOLVED, users_affected=900, **OUTAGE)
    over.resolved_at.FromDatetime(START + timedelta(minutes=7))
    over.rating.severity = 2  # type: ignore[assignment]
    over.rating.set_by = "ada"
    merged = of(3, "mail", minutes=2, **INFORMATION)
    merged.merged_into = names[4]
    return names, [
        opened(of(0, "pay", users_affected=100, **OUTAGE)),
        opened(of(1, "pay", minutes=10, users_affected=5)),
        changed(over, 3, RESOLVE),
        changed(of(0, "pay", users_affected=10_000, **OUTAGE), 2),
        opened(of(2, "pay", minutes=20, **INFORMATION)),
        opened(of(3, "mail", minutes=2, **INFORMATION)),
        opened(of(4, "mail", "ghost", minutes=1, alert_count=9)),
        changed(merged, 2, MERGE),
        changed(of(1, "pay", minutes=10, users_affected=5), 2),
    ]


async def kept(suite: Suite, title: str, names: Sequence[str]) -> str:
    """Returns all that is kept and told of a story, with what names it taken out."""
    held = [await assessment(suite, name) for name in names]
    found: list[Any] = [[MessageToDict(each), len(await made(suite, each.name))] for each in held]
    async with suite.app.database.transaction() as connection:
        for table, order in (("closed_incident", "ended_at"), ("severity_label", "source"), ("budget_incident", "opened_at")):
            rows = await connection.execute(
                text(f"select to_jsonb(t) - 'labelled_at' as row from {table} t where incident = any(:names) order by {order}"),
                {"names": list(names)},
            )
            found += [row.row for row in rows]
    told = json.dumps(found, sort_keys=True).replace(title, "title").replace(title.lower(), "title")
    for place, class_ in enumerate(dict.fromkeys(re.findall(r'"incident_class": "(\w+)"', told))):
        told = told.replace(class_, f"class {place}")  # which the title is part of
    for each, _ in found[: len(names)]:
        for key in ("name", "traceId", "createTime"):
            told = told.replace(each.get(key, "none"), key)
    for place, name in enumerate(names):
        told = told.replace(name, f"incidents/{place}")
    return told


async def test_events_of_one_delivery_are_taken_as_if_they_came_one_after_the_other(suite: Suite) -> None:
    together, batch = story("Alpha")
    outcomes = await deliver(suite, *batch)
    alone, each = story("Omega")
    assert outcomes == [outcome for event in each for outcome in await deliver(suite, event)]
    assert outcomes == [ACCEPTED] * 3 + [STALE] + [ACCEPTED] * 5
    assert await kept(suite, "Alpha", together) == await kept(suite, "Omega", alone)
    second = await assessment(suite, together[2])
    assert [similar.incident for similar in second.recurrence.similar] == [together[1], together[0]]


async def test_deliveries_at_once_are_each_taken_once_however_often_they_come(suite: Suite) -> None:
    happened = [incident("shop", title=f"Deliveries {chr(97 + number)}", users_affected=number) for number in range(20)]
    events = [opened(each) for each in happened]
    outcomes = await asyncio.gather(*(deliver(suite, each) for each in [*events, *reversed(events)]))
    assert outcomes == [[ACCEPTED]] * 40
    for each in happened:
        (told,) = await made(suite, (await assessment(suite, each.name)).name)
        assert told.assessment.revision == 1


async def test_a_delivery_that_is_refused_takes_none_of_those_beside_it_along(suite: Suite) -> None:
    good = [opened(incident("app")) for _ in range(6)]
    bad = opened(incident("app", name="incidents/none"))
    answers = await asyncio.gather(*(deliver(suite, each) for each in [*good, bad]), return_exceptions=True)
    assert answers[:-1] == [[ACCEPTED]] * 6
    assert isinstance(answers[-1], InvalidInput)


async def test_what_follows_from_events_that_came_together_is_of_who_caused_each(suite: Suite) -> None:
    happened = [incident("app"), incident("mail")]
    events = [opened(each) for each in happened]
    events[1].attributes["principal"].ce_string = "grace"
    await deliver(suite, *events)
    async with suite.app.database.transaction() as connection:
        asked = text("select headers ->> 'principal' as principal from outbox where aggregateid = :name")
        found = [(await connection.execute(asked, {"name": (await assessment(suite, each.name)).name})).scalar_one() for each in happened]
    assert found == ["ada", "grace"]
