"""How long lists of incidents take with ten thousand and with a million past incidents behind them."""

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ballast.intake.v1 import alert_pb2, incident_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub

from bench.databases import vacuum
from bench.figures import milliseconds, tail
from bench.ground import Ground
from bench.intake import SCHEMA, Intake, running_intake
from bench.report import Section
from shared.rpc.client import connect
from shared.storage.database import connect_raw

if TYPE_CHECKING:  # the async stubs exist for the type checker only
    from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceAsyncStub

COMPONENTS = 200  # so that a page of one component is full even with the shorter history
OPEN = 200
EVERY = timedelta(minutes=5)  # one past incident
_SEED_SECONDS = 300
# Past incidents are copies of one that lived through the API, so that whatever columns an incident has are filled. Ids are
# UUIDv7 of the time of opening, as intake's own.
_SEED = """
    insert into incident
    select past.* from incident model
    cross join generate_series(1, $3::int) number
    cross join lateral (select $4::timestamptz - number * $5::interval as at) moment
    cross join lateral jsonb_populate_record(model, jsonb_build_object(
        'id', (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5(number::text), 1, 3)
               || '8' || substr(md5(number::text), 4, 15))::uuid,
        'group_key', 'past-' || number,
        'components', jsonb_build_array('component-' || number % $2),
        'group_labels', jsonb_build_array(jsonb_build_array('component', 'component-' || number % $2)),
        'opened_at', at, 'created_at', at, 'updated_at', at + interval '1 hour', 'resolved_at', at + interval '1 hour',
        'last_ended_at', at + interval '1 hour')) past
    where model.id = $1
"""


@dataclass(slots=True)
class Past:
    """An intake with so many past incidents, and what its lists took by question."""

    count: int
    rpc: "IntakeServiceAsyncStub"
    seconds: dict[str, list[float]] = field(default_factory=dict)


async def history(ground: Ground) -> Section:
    """Asks both intakes the same questions in turns."""
    now = datetime.now(UTC)
    async with AsyncExitStack() as stack:
        pasts = [await _with_past(stack, ground, count, now) for count in ground.sizes.past_incidents]
        questions = {name: [_question(name, past.count, now) for past in pasts] for name in QUESTIONS}
        for number in range(ground.sizes.list_calls):
            ground.progress(f"history: call {number + 1} of {ground.sizes.list_calls}")
            for name, requests in questions.items():
                for past, request in zip(pasts, requests, strict=True):
                    begin = time.perf_counter()
                    answer = await past.rpc.ListIncidents(request)
                    past.seconds.setdefault(name, []).append(time.perf_counter() - begin)
                    if len(answer.incidents) != request.page_size:
                        raise RuntimeError(f"{name} with {past.count:,} behind: {len(answer.incidents)} incidents on a page")
    return _section(pasts)


async def _with_past(stack: AsyncExitStack, ground: Ground, count: int, now: datetime) -> Past:
    ground.progress(f"history: seeding {count:,} past incidents")
    database = f"past-{count}"
    intake = await stack.enter_async_context(running_intake(ground.engines, database, ground.directory))
    channel = connect(intake.address)
    stack.push_async_callback(channel.close)
    rpc = IntakeServiceStub(channel.grpc)
    await _seed(intake, await _model(rpc), count, now)
    await _open(rpc, now)
    await vacuum(ground.engines, database)
    return Past(count, rpc)


async def _model(rpc: "IntakeServiceAsyncStub") -> str:
    """Lets one incident live through the API, and returns its id."""
    report = alert_pb2.AlertReport(labels={"component": "model", "alertname": "Down"}, annotations={"summary": "it is down"})
    name = (await rpc.ReportAlerts(pb.ReportAlertsRequest(source="bench", reports=[report]))).receipts[0].incident
    await rpc.ResolveIncident(pb.ResolveIncidentRequest(name=name, force=True))
    return name.removeprefix("incidents/")


async def _seed(intake: Intake, model: str, count: int, now: datetime) -> None:
    connection = await connect_raw(intake.database_url, SCHEMA)
    try:
        await connection.execute(_SEED, model, COMPONENTS, count, now, EVERY, timeout=_SEED_SECONDS)
    finally:
        await connection.close()


async def _open(rpc: "IntakeServiceAsyncStub", now: datetime) -> None:
    """Opens incidents, a part of them long before the rest of the history: they must be found beyond all of it."""
    reports = []
    for number in range(OPEN):
        report = alert_pb2.AlertReport(labels={"component": f"component-{number}", "alertname": "Down"})
        report.starts_at.FromDatetime(now - (timedelta(days=15 * 365) if number % 4 == 0 else timedelta(minutes=number)))
        reports.append(report)
    await rpc.ReportAlerts(pb.ReportAlertsRequest(source="bench", reports=reports))


QUESTIONS = ("the newest", "open ones", "open ones, all on one page", "of one component", "of three days")


def _question(name: str, behind: int, now: datetime) -> pb.ListIncidentsRequest:
    request = pb.ListIncidentsRequest(page_size=50)
    if name.startswith("open"):
        request.filter.states.extend([incident_pb2.INCIDENT_STATE_OPEN, incident_pb2.INCIDENT_STATE_ACKNOWLEDGED])
    if name == "open ones, all on one page":
        request.page_size = OPEN
    if name == "of one component":
        request.filter.components.append("component-7")
    if name == "of three days":
        middle = now - EVERY * (behind // 2)
        request.filter.opened_from.FromDatetime(middle - timedelta(days=3))
        request.filter.opened_before.FromDatetime(middle)
    return request


def _section(pasts: Sequence[Past]) -> Section:
    rows, data = [], {}
    for name in QUESTIONS:
        found = {past.count: tail(past.seconds[name]) for past in pasts}
        first, last = found[pasts[0].count], found[pasts[-1].count]
        cells = [f"{milliseconds(each.p50)} / {milliseconds(each.p99)}" for each in found.values()]
        rows.append((name, *cells, f"{last.p50 / first.p50:.2f} × / {last.p99 / first.p99:.2f} ×"))
        data[name] = {"by_past_incidents": {str(count): each for count, each in found.items()}, "p50_ratio": last.p50 / first.p50}
    columns = ("incidents listed", *(f"{past.count:,} behind" for past in pasts), "ratio")
    return Section(f"ListIncidents, p50 / p99 of {len(pasts[0].seconds[QUESTIONS[0]])} calls", columns, rows, data)
