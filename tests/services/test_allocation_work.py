"""Work by category, corrections and imports in a running allocation."""

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from ballast.allocation.v1 import allocation_events_pb2, team_pb2
from ballast.allocation.v1 import allocation_messages_pb2 as messages
from ballast.allocation.v1 import work_service_pb2 as pb

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound, PreconditionFailed
from tests.support.allocating import FORTNIGHT, Suite, allocating, item

REMEDIATION, ROADMAP, OTHER = team_pb2.WORK_CLASS_REMEDIATION, team_pb2.WORK_CLASS_ROADMAP, team_pb2.WORK_CLASS_OTHER


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        yield running


def work(of: str, hours: float, at: datetime, **more: Any) -> team_pb2.WorkRecord:
    built = team_pb2.WorkRecord(team=f"teams/{of}" if of else "", hours=hours, **more)
    built.worked_at.FromDatetime(at)
    return built


async def record(suite: Suite, *records: team_pb2.WorkRecord) -> list[team_pb2.WorkRecord]:
    return list((await suite.allocation.RecordWork(messages.RecordWorkRequest(records=records))).records)


async def listed(suite: Suite, of: str, **chosen: Any) -> Sequence[team_pb2.WorkRecord]:
    request = messages.ListWorkRecordsRequest(team=f"teams/{of}", filter=team_pb2.WorkFilter(**chosen))
    return (await suite.allocation.ListWorkRecords(request)).records


async def correct(suite: Suite, of: str, name: str, **more: Any) -> pb.CorrectWorkResponse:
    asked = {"reason": "It was another day."} | more
    return await suite.work.CorrectWork(pb.CorrectWorkRequest(team=f"teams/{of}", name=name, **asked))


async def sums(suite: Suite, of: str) -> tuple[float, float, float]:
    sprint = (await suite.allocation.ListSprints(messages.ListSprintsRequest(team=f"teams/{of}", page_size=1))).sprints[0]
    return sprint.remediation_recorded_hours, sprint.roadmap_recorded_hours, sprint.other_recorded_hours


async def remaining(suite: Suite, name: str) -> float:
    request = messages.GetRoadmapItemRequest(name=f"roadmapItems/{name}")
    return (await suite.allocation.GetRoadmapItem(request)).item.remaining_hours


async def test_a_category_counts_as_the_settings_say(suite: Suite) -> None:
    await suite.store_team("kinds")
    now = suite.clock.now()
    stored = await record(
        suite,
        work("kinds", 3, now, category="toil"),
        work("kinds", 2, now, category="discovery"),
        work("kinds", 5, now, category="meeting"),
    )
    assert [each.work_class for each in stored] == [REMEDIATION, ROADMAP, OTHER]
    assert await sums(suite, "kinds") == (3, 2, 5)
    assert [each.category for each in await listed(suite, "kinds", work_classes=[OTHER])] == ["meeting"]
    known = (await suite.work.ListWorkCategories(pb.ListWorkCategoriesRequest(page_size=2))).categories
    assert [each.category for each in known] == ["corrective-action", "discovery"]


async def test_a_category_that_is_not_known_is_refused_with_those_that_are(suite: Suite) -> None:
    await suite.store_team("unknown")
    with pytest.raises(InvalidInput) as refused:
        await record(suite, work("unknown", 1, suite.clock.now(), category="golf"))
    assert (refused.value.reason, refused.value.violations[0].field) == ("WORK_CATEGORY_UNKNOWN", "records[0].category")
    assert "toil" in refused.value.violations[0].description


async def test_a_record_put_right_stays_and_every_sum_follows(suite: Suite) -> None:
    await suite.store_team("right")
    await suite.store_items(item("right-a", "right", 10), item("right-b", "right", 10))
    now = suite.clock.now()
    (original,) = await record(suite, work("right", 6, now, roadmap_item="roadmapItems/right-a"))
    better = work("right", 2, now, roadmap_item="roadmapItems/right-b")
    done = await correct(suite, "right", original.name, replacement=better)
    assert (done.reversal.hours, done.reversal.reverses, done.replacement.replaces) == (-6, original.name, original.name)
    assert (done.replacement.hours, done.replacement.correction_reason, done.replacement.author) == (2, "It was another day.", "ada")
    assert (await remaining(suite, "right-a"), await remaining(suite, "right-b")) == (10, 8)
    assert await sums(suite, "right") == (0, 2, 0)
    kept = {each.name: each for each in await listed(suite, "right")}
    assert (kept[original.name].hours, kept[original.name].is_corrected) == (6, True)
    assert len(kept) == 3
    events = await suite.recorded(allocation_events_pb2.WorkCorrected, original.name)
    assert [(each.reversal, each.replacement) for each in events] == [(done.reversal, done.replacement)]


async def test_a_record_taken_back_counts_no_longer_and_cannot_be_taken_back_again(suite: Suite) -> None:
    await suite.store_team("void")
    (original,) = await record(suite, work("void", 4, suite.clock.now(), category="on-call"))
    request_id = str(uuid.uuid4())
    done = await correct(suite, "void", original.name, request_id=request_id)
    assert await correct(suite, "void", original.name, request_id=request_id) == done
    assert not done.HasField("replacement")
    assert await sums(suite, "void") == (0, 0, 0)
    for name in (original.name, done.reversal.name):
        with pytest.raises(PreconditionFailed) as refused:
            await correct(suite, "void", name)
        assert refused.value.reason == "WORK_ALREADY_CORRECTED"
    with pytest.raises(NotFound) as missing:
        await correct(suite, "void", f"workRecords/{uuid.uuid4()}")
    assert missing.value.reason == "WORK_RECORD_NOT_FOUND"


async def test_a_correction_without_a_reason_or_with_a_bad_replacement_changes_nothing(suite: Suite) -> None:
    await suite.store_team("bad")
    now = suite.clock.now()
    (original,) = await record(suite, work("bad", 4, now, category="toil"))
    for more, reason in (
        ({"reason": " "}, "REASON_EMPTY"),
        ({"replacement": work("bad", 1, now + timedelta(days=1), category="toil")}, "WORK_IN_FUTURE"),
        ({"replacement": work("bad", 1, now, category="golf")}, "WORK_CATEGORY_UNKNOWN"),
        ({"replacement": work("other", 1, now, category="toil")}, "INVALID_INPUT"),
        ({"replacement": work("bad", float("nan"), now, category="toil")}, "FIELD_INVALID"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await correct(suite, "bad", original.name, **more)
        assert refused.value.reason == reason
    assert await sums(suite, "bad") == (4, 0, 0)


async def test_of_many_records_the_good_ones_land_and_the_others_say_why(suite: Suite) -> None:
    await suite.store_team("many")
    await suite.store_items(item("many", "many", 10))
    now = suite.clock.now()
    records = [
        work("", 1, now, category="toil"),
        work("", -1, now, category="toil"),
        work("", 2, now, roadmap_item="roadmapItems/many"),
        work("", 2, now, roadmap_item="roadmapItems/none"),
        work("", 2, now + timedelta(days=1), category="toil"),
        work("", 2, now),
        work("other", 2, now, category="toil"),
        work("", 3, now, category="golf"),
    ]
    request = pb.ImportWorkRequest(team="teams/many", records=records, request_id=str(uuid.uuid4()))
    answer = await suite.work.ImportWork(request)
    assert await suite.work.ImportWork(request) == answer
    assert answer.stored_count == 2
    told = [(each.error.reason, each.error.field) if each.HasField("error") else "" for each in answer.results]
    assert told == [
        "",
        ("INVALID_INPUT", "records[1].hours"),
        "",
        ("ROADMAP_ITEM_NOT_FOUND", "records[3]"),
        ("WORK_IN_FUTURE", "records[4].worked_at"),
        ("INVALID_INPUT", "records[5].purpose"),
        ("INVALID_INPUT", "records[6].team"),
        ("WORK_CATEGORY_UNKNOWN", "records[7].category"),
    ]
    assert await sums(suite, "many") == (1, 2, 0)
    assert await remaining(suite, "many") == 8


async def test_records_are_chosen_by_sprint_member_and_purpose(suite: Suite) -> None:
    await suite.store_team("chosen", sprint=2)
    now, incident = suite.clock.now(), f"incidents/{uuid.uuid4()}"
    await record(
        suite,
        work("chosen", 1, now, category="toil", member="ada"),
        work("chosen", 2, now - FORTNIGHT, category="toil", member="ada"),
        work("chosen", 3, now, incident=incident, member="bob"),
    )
    assert [each.hours for each in await listed(suite, "chosen", sprint=2)] == [3, 1]
    assert [each.hours for each in await listed(suite, "chosen", member="ada")] == [1, 2]
    assert [each.hours for each in await listed(suite, "chosen", purpose=incident)] == [3]
    assert [each.hours for each in await listed(suite, "chosen", purpose="toil", sprint=1)] == [2]
    with pytest.raises(InvalidInput) as refused:
        await listed(suite, "chosen", sprint=2_000_000_000)
    assert refused.value.reason == "SPRINT_OUT_OF_RANGE"
