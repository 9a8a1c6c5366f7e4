"""Requests nobody would send: every RPC of muting answers or refuses them, and none brings an internal error."""

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ballast.intake.v1 import muting_service_pb2
from ballast.intake.v1.maintenance_window_messages_pb2 import ListMaintenanceOccurrencesRequest, ListMaintenanceWindowsRequest
from ballast.intake.v1.silence_messages_pb2 import ListSilencesRequest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from services.intake.domain.muting import MuteSet
from services.intake.storage.mute_store import MuteStore
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import BallastError
from tests.support.intake import Intake, intake_serving

RPCS = list(muting_service_pb2.DESCRIPTOR.services_by_name["MutingService"].methods)
ROUNDS = 150
UUID = "0199b0c8-0000-7000-8000-00000000000a"
TEXTS = (
    *("", " ", "a", "\0", "é\u202e", "x" * 5000, 'a="b"', "a=~(", "a=~\\\\pL{1000}", "{", '"', "\\", "a!=b,", 'alertname=~".+"'),
    *(UUID, f"silences/{UUID}", f"maintenanceWindows/{UUID}", "v1", "v" * 64, "WyJhIl0", "2026-03-02T09:00", "9999-12-31T23:59:59"),
    *("0001-01-01T00:00", "Europe/Berlin", "UTC", "../UTC", "FREQ=DAILY;COUNT=3", "FREQ=YEARLY;BYMONTHDAY=31;BYMONTH=2;COUNT=9"),
    *(
        "FREQ=HOURLY;BYMINUTE=0,1;UNTIL=99991231",
        "FREQ=DAILY;UNTIL=00010101T000000",
        "FREQ=DAILY;UNTIL=99991231T235959",
        "FREQ=;COUNT=",
        "grace",
        "ada",
    ),
)
NUMBERS = (0, 1, 2, 3, -1, 60, 3600, 604_800, 2_592_000, 1_772_442_000, 253_402_300_799, -62_135_596_800, 2**31 - 1, 2**40)


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


MATCHERS = [{"text": "component=checkout"}, {"label": "a", "operator": 3, "value": "x.*"}]
GOOD: dict[str, dict[str, Any]] = {
    "matchers": {"matchers": MATCHERS},
    "rules": {"rules": [{"name": "r", "source": MATCHERS, "target": MATCHERS, "equal": ["a"]}]},
    "ends_at": {"ends_at": "2026-03-02T12:00:00Z"},
    "starts_at": {"starts_at": "2026-03-15T02:30"},
    "time_zone": {"time_zone": "Europe/Berlin"},
    "duration": {"duration": "3600s"},
    "rrule": {"rrule": "FREQ=DAILY;COUNT=3"},
    "reason": {"reason": "r"},
    "approver": {"approver": "grace"},
}


def good(rpc: MethodDescriptor, name: str) -> Message:
    """Builds a request that is good, about the thing of that name."""
    request = GetMessageClass(rpc.input_type)()
    for field in rpc.input_type.fields:
        # A begin is a wall time in one kind and a time in another.
        if field.name in GOOD and (field.message_type is None or field.name != "starts_at") and not field.containing_oneof:
            ParseDict(GOOD[field.name], request)
        elif field.name == "name":
            request.name = name  # type: ignore[attr-defined]
    if "end" in rpc.input_type.oneofs_by_name:
        ParseDict(GOOD["duration"], request)
    return request


def spoiled(message: Message, chance: random.Random) -> Message:
    """Gives a few of the fields, or fields of theirs, values at random."""
    fields: list[Any] = [each for each in message.DESCRIPTOR.fields if each.name != "request_id"]
    for field in chance.sample(fields, min(len(fields), chance.choice((0, 1, 1, 1, 2, 3)))):
        message.ClearField(field.name)
        if field.is_repeated:
            getattr(message, field.name).extend(value_of(field, chance) for _ in range(chance.choice((0, 1, 1, 2, 3))))
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(value_of(field, chance))
        else:
            setattr(message, field.name, value_of(field, chance))
    return message


def value_of(field: Any, chance: random.Random) -> Any:
    if field.message_type is not None:
        inner = GetMessageClass(field.message_type)()
        for each in inner.DESCRIPTOR.fields:
            if chance.random() < 0.8:
                if each.is_repeated:
                    getattr(inner, each.name).extend([value_of(each, chance)])
                else:
                    setattr(inner, each.name, value_of(each, chance))
        return inner
    if field.type == FieldDescriptor.TYPE_STRING:
        return chance.choice(TEXTS)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return chance.random() < 0.5
    bound = 2**31 - 1 if field.type in {FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_ENUM} else 2**62
    return max(min(chance.choice(NUMBERS), bound), -bound)


@pytest.mark.parametrize("rpc", RPCS, ids=lambda each: each.name)
async def test_no_request_brings_an_internal_error(intake: Intake, rpc: MethodDescriptor) -> None:
    chance = random.Random(rpc.name)
    methods = {each.name: each for each in RPCS}
    reasons: list[tuple[str, str]] = []
    for round_ in range(ROUNDS):
        if round_ % 10 == 0:  # a fresh one, that is not over
            kind = "Silence" if "Silence" in rpc.name else "MaintenanceWindow"
            made = await getattr(intake.muting, f"Create{kind}")(good(methods[f"Create{kind}"], ""))
            name = made.silence.name if kind == "Silence" else made.maintenance_window.name
        request = spoiled(good(rpc, name), chance)
        try:
            await getattr(intake.muting, rpc.name)(request)
            reasons.append(("", ""))
        except BallastError as error:
            reasons.append((error.reason, str(request)))
    assert [each for each in reasons if each[0] == "INTERNAL"] == []
    assert ("", "") in reasons


async def test_what_got_in_can_be_listed_and_loaded(intake: Intake) -> None:
    now = intake.app.clock.now()
    inputs = await MuteStore(intake.app.database).load(now)
    MuteSet(inputs.subjects, inputs.rules).explain({"a": "b"}, now)
    await intake.muting.ListSilences(ListSilencesRequest(page_size=1000))
    await intake.muting.ListMaintenanceWindows(ListMaintenanceWindowsRequest(page_size=1000, include_over=True))
    await intake.muting.ListMaintenanceOccurrences(ListMaintenanceOccurrencesRequest(page_size=1000))
