"""Who called what, as governance hears of it from every service: listed, counted by the hour, and kept for a time."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ballast.events.v1.access_observed_pb2 import AccessObserved, AccessRow
from ballast.events.v1.cloudevents_pb2 import CloudEvent
from ballast.governance.v1 import access_log_service_pb2 as pb
from ballast.governance.v1.access_log_service_pb2_grpc import AccessServiceStub
from ballast.governance.v1.ledger_service_pb2 import EraseContentsRequest

from clients.cli.failures import ExitCode
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput
from tests.conftest import START
from tests.support.command import ballast
from tests.support.governance import Governance, event, governing
from tests.support.waiting import until

if TYPE_CHECKING:
    from ballast.governance.v1.access_log_service_pb2_grpc import AccessServiceAsyncStub

LIST = "ballast.triage.v1.TriageService/ListComponents"
UPSERT = "ballast.triage.v1.TriageService/UpsertComponents"
SHORT = pb.AccessFilter(method="ListComponents")
TRIAGE, INTAKE = "/ballast/triage", "/ballast/intake"
HOUR = timedelta(hours=1)


def row(principal: str, at: datetime, method: str = LIST, *, count: int = 1, **more: Any) -> AccessRow:
    fields: dict[str, Any] = {"principal": principal, "method": method, "role": "viewer", "code": "OK", "count": count}
    made = AccessRow(**fields | more)
    made.first_time.FromDatetime(at)
    made.last_time.FromDatetime(at + timedelta(seconds=30))
    return made


def denied(principal: str, at: datetime, trace: str = "", count: int = 1) -> AccessRow:
    more = {"role": "planner", "code": "PERMISSION_DENIED", "reason": "ROLE_MISSING", "peer": "10.0.0.7", "last_trace_id": trace}
    return row(principal, at, UPSERT, count=count, **more)


def observed(*rows: AccessRow, source: str = TRIAGE) -> CloudEvent:
    return event(AccessObserved(rows=rows), f"accessLogs/{source.rpartition('/')[2]}", source=source)


@pytest.fixture
async def governance(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Governance]:
    async with governing(own_urls, engines, clock) as running:
        yield running


@pytest.fixture
def rpc(governance: Governance) -> "AccessServiceAsyncStub":
    return AccessServiceStub(governance.served.channel.grpc)


async def listed(rpc: "AccessServiceAsyncStub", **conditions: Any) -> list[pb.Access]:
    return list((await rpc.ListAccess(pb.ListAccessRequest(filter=pb.AccessFilter(**conditions)))).accesses)


async def test_counts_of_several_events_add_up_and_the_last_call_comes_first(governance: Governance, rpc: "AccessServiceAsyncStub") -> None:
    await governance.deliver(observed(row("ada", START, count=3), row("bo", START + HOUR)))
    await governance.deliver(observed(row("ada", START + timedelta(minutes=1), count=4)))
    await governance.deliver(observed(row("ada", START - HOUR, count=10)))
    bo, ada = await listed(rpc)
    assert (bo.principal, bo.count) == ("bo", 1)
    assert (ada.source, ada.principal, ada.method, ada.role, ada.code, ada.count) == (TRIAGE, "ada", LIST, "viewer", "OK", 17)
    assert ada.first_time.ToDatetime(tzinfo=START.tzinfo) == START - HOUR
    assert ada.last_time.ToDatetime(tzinfo=START.tzinfo) == START + timedelta(seconds=90)


async def test_a_short_name_of_an_rpc_is_refused_instead_of_finding_nothing(rpc: "AccessServiceAsyncStub") -> None:
    with pytest.raises(InvalidInput, match="send the whole name, package") as refused:
        await rpc.ListAccess(pb.ListAccessRequest(filter=SHORT))
    assert [each.field for each in refused.value.violations] == ["filter.method"]
    with pytest.raises(InvalidInput, match="send the whole name, package"):
        await rpc.ListPrincipals(pb.ListPrincipalsRequest(filter=SHORT))


async def test_an_event_delivered_twice_counts_once(governance: Governance, rpc: "AccessServiceAsyncStub") -> None:
    told = observed(row("ada", START))
    await governance.deliver(told, told)
    await governance.deliver(told)
    await governance.deliver(told, observed(row("bo", START)))
    assert {(each.principal, each.count) for each in await listed(rpc)} == {("ada", 1), ("bo", 1)}


async def test_denied_calls_are_found_with_reason_address_and_the_trace_of_the_last(
    governance: Governance, rpc: "AccessServiceAsyncStub"
) -> None:
    await governance.deliver(observed(denied("eve", START, "a" * 32, 2), row("eve", START), row("ada", START, code="NOT_FOUND")))
    await governance.deliver(observed(denied("eve", START + HOUR, "b" * 32), denied("eve", START - HOUR, "c" * 32)))
    (found,) = await listed(rpc, outcome=pb.ACCESS_OUTCOME_DENIED)
    assert (found.principal, found.method, found.code, found.reason) == ("eve", UPSERT, "PERMISSION_DENIED", "ROLE_MISSING")
    assert (found.peer, found.count, found.last_trace_id) == ("10.0.0.7", 4, "b" * 32)
    assert [each.code for each in await listed(rpc, outcome=pb.ACCESS_OUTCOME_FAILED)] == ["NOT_FOUND"]
    assert [each.code for each in await listed(rpc, outcome=pb.ACCESS_OUTCOME_OK)] == ["OK"]


async def test_every_condition_holds(governance: Governance, rpc: "AccessServiceAsyncStub") -> None:
    await governance.deliver(observed(row("ada", START), row("bo", START), row("ada", START, UPSERT)))
    await governance.deliver(observed(row("ada", START + 2 * HOUR), source=INTAKE))
    assert len(await listed(rpc, principal="ada")) == 3
    assert len(await listed(rpc, method=UPSERT)) == 1
    assert len(await listed(rpc, source=INTAKE)) == 1
    assert [each.source for each in await listed(rpc, begin_time=START + HOUR)] == [INTAKE]
    assert len(await listed(rpc, end_time=START + HOUR)) == 3
    assert await listed(rpc, begin_time=START + 5 * HOUR) == []


async def test_a_range_that_ends_before_it_begins_is_refused(rpc: "AccessServiceAsyncStub") -> None:
    with pytest.raises(InvalidInput) as error:
        await listed(rpc, begin_time=START, end_time=START)
    assert error.value.reason == "TIME_RANGE_EMPTY"
    assert [each.field for each in error.value.violations] == ["filter.end_time"]


async def test_pages_hold_every_row_once(governance: Governance, rpc: "AccessServiceAsyncStub") -> None:
    await governance.deliver(observed(*(row(f"caller-{number}", START + timedelta(seconds=number // 3)) for number in range(10))))
    names, token = list[str](), ""
    while True:
        page = await rpc.ListAccess(pb.ListAccessRequest(page_size=3, page_token=token))
        names += [each.principal for each in page.accesses]
        token = page.next_page_token
        if not token:
            break
    assert sorted(names) == sorted(f"caller-{number}" for number in range(10))
    assert names[0] == "caller-9"


async def test_principals_are_listed_with_roles_used_and_services_called(governance: Governance, rpc: "AccessServiceAsyncStub") -> None:
    await governance.deliver(observed(row("ada", START, count=2), denied("ada", START), row("", START, "", others=True)))
    await governance.deliver(observed(row("ada", START + HOUR, role="responder"), row("bo", START), source=INTAKE))
    ada, bo = (await rpc.ListPrincipals(pb.ListPrincipalsRequest())).principals
    assert (ada.name, list(ada.roles), list(ada.sources)) == ("ada", ["responder", "viewer"], [INTAKE, TRIAGE])
    assert (ada.call_count, ada.denied_count) == (4, 1)
    assert ada.first_time.ToDatetime(tzinfo=START.tzinfo) == START
    first = await rpc.ListPrincipals(pb.ListPrincipalsRequest(page_size=1))
    second = await rpc.ListPrincipals(pb.ListPrincipalsRequest(page_size=1, page_token=first.next_page_token))
    assert (bo.name, [each.name for each in second.principals], second.next_page_token) == ("bo", ["bo"], "")


async def test_an_access_log_that_cannot_be_read_is_recorded_all_the_same(governance: Governance, rpc: "AccessServiceAsyncStub") -> None:
    broken = observed(row("ada", START))
    broken.proto_data.value = b"\xff\xff"
    odd = observed(row("a\0da" + "x" * 1000, START, count=2**62), row("bo", START, count=-4))
    await governance.deliver(broken, odd)
    (found,) = await listed(rpc)
    assert found.principal.startswith("adax")
    assert len(found.principal) < 257
    assert len(await governance.entries(source=TRIAGE)) == 2


async def test_what_is_older_than_the_retention_is_forgotten(governance: Governance, rpc: "AccessServiceAsyncStub") -> None:
    await governance.deliver(observed(row("old", START - timedelta(days=401)), row("new", START)))
    await governance.served.app.tick()
    assert [each.principal for each in await listed(rpc)] == ["new"]


async def test_what_is_forgotten_is_taken_off_what_stays(governance: Governance, rpc: "AccessServiceAsyncStub") -> None:
    old, late = START - timedelta(days=401), denied("ada", START, "a" * 32, count=2)
    for at, count in ((old, 5), (START - HOUR, 3), (START, 1)):
        await governance.deliver(observed(row("ada", at, count=count), late))
    assert [(each.count, each.code) for each in await listed(rpc, method=LIST)] == [(9, "OK")]
    await governance.served.app.tick()
    (kept,) = await listed(rpc, method=LIST)
    assert (kept.count, kept.first_time.ToDatetime(tzinfo=START.tzinfo)) == (4, START - HOUR)
    (refused,) = await listed(rpc, outcome=pb.ACCESS_OUTCOME_DENIED)
    assert (refused.count, refused.last_trace_id) == (6, "a" * 32)
    await governance.served.app.tick()
    assert await listed(rpc, method=LIST) == [kept]


ALWAYS: dict[str, Any] = {"begin_time": START - timedelta(days=3650), "end_time": START + timedelta(days=3650)}


async def paged(rpc: "AccessServiceAsyncStub", **conditions: Any) -> list[pb.Access]:
    found: list[pb.Access] = []
    token = ""
    while not found or token:
        page = await rpc.ListAccess(pb.ListAccessRequest(filter=pb.AccessFilter(**conditions), page_size=7, page_token=token))
        found, token = [*found, *page.accesses], page.next_page_token
    return found


@pytest.mark.parametrize("seed", range(3))
async def test_a_list_without_a_time_is_that_of_all_times_page_by_page(
    governance: Governance, rpc: "AccessServiceAsyncStub", seed: int
) -> None:
    drawn = random.Random(seed)
    for _ in range(20):
        rows = []
        for _ in range(drawn.randrange(1, 12)):
            name, at = drawn.choice(["ada", "bo", "cy", ""]), START - drawn.randrange(500) * 24 * HOUR - drawn.randrange(3) * HOUR
            rows.append(
                denied(name, at, f"{drawn.randrange(9)}" * 32) if drawn.random() < 0.3 else row(name, at, count=drawn.randrange(1, 9))
            )
        await governance.deliver(observed(*rows, source=drawn.choice([TRIAGE, INTAKE])))
    for _ in range(2):
        filters: list[dict[str, Any]] = [{}, {"principal": "bo"}, {"outcome": pb.ACCESS_OUTCOME_DENIED}]
        for chosen in filters:
            everything = await paged(rpc, **chosen, **ALWAYS)
            assert await paged(rpc, **chosen) == everything
            names = pb.ListPrincipalsRequest(filter=pb.AccessFilter(**chosen))
            always = pb.ListPrincipalsRequest(filter=pb.AccessFilter(**chosen, **ALWAYS))
            assert await rpc.ListPrincipals(names) == await rpc.ListPrincipals(always)
        await governance.served.app.tick()  # and again when what is old is forgotten


async def test_governance_tells_itself_who_called_it(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> None:
    async with governing(own_urls, engines, clock, access_log_seconds=86_400) as running:
        rpc = AccessServiceStub(running.served.channel.grpc)
        await listed(rpc)
        await running.served.app.access_reports.tell()

        async def is_told() -> bool:
            return bool(await listed(rpc, source="/ballast/governance"))

        await until(is_told)
        (found,) = await listed(rpc, source="/ballast/governance")
        assert (found.principal, found.method) == ("ada", "ballast.governance.v1.AccessService/ListAccess")


async def test_an_erasure_is_told_by_its_own_entries_and_one_of_nothing_by_a_record_of_the_call(governance: Governance) -> None:
    async def records() -> int:
        return len(await governance.entries(type="ballast.events.v1.CallRecorded"))

    await governance.deliver(event(AccessObserved(), "accessLogs/triage"))
    for _ in range(2):  # the second finds nothing left
        await governance.ledger.EraseContents(EraseContentsRequest(sequences=[1], reason="asked for"))

    async def is_told() -> bool:
        return await records() > 0

    await until(is_told)
    assert await records() == 1
    assert len(await governance.entries(type="ballast.governance.v1.ContentErased")) == 1


async def test_the_command_line_lists_calls_and_principals(governance: Governance) -> None:
    await governance.deliver(observed(row("ada", START, count=2), denied("eve", START + HOUR, "a" * 32)))
    address = governance.served.app.server.address

    async def run(*arguments: str) -> Any:
        return await asyncio.to_thread(ballast, "access", *arguments, "--governance-address", address)

    ran = await run("list")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.index("eve") < ran.out.index("ada")
    assert "PERMISSION_DENIED ROLE_MISSING" in ran.out
    assert "2 rows" in ran.out
    only = (await run("list", "--outcome", "denied", "--service", "triage", "--since", START.isoformat(), "--json")).data["accesses"]
    assert [each["principal"] for each in only] == ["eve"]
    seen = await run("principals", "--principal", "ada")
    assert "viewer" in seen.out
    assert "1 principal" in seen.out
    assert (await run("list", "--since", "yesterday")).code == ExitCode.REFUSED
