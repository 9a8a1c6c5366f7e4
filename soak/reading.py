"""Reading all that intake keeps: over gRPC as any client would, and counted by SQL."""

from typing import TYPE_CHECKING

from ballast.intake.v1 import alert_pb2, incident_pb2
from ballast.intake.v1 import intake_service_pb2 as pb

from bench.intake import SCHEMA
from shared.storage.database import connect_raw
from soak.senders import Ledger
from soak.verdict import Stored

if TYPE_CHECKING:  # the async stubs exist for the type checker only
    from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceAsyncStub

_PAGE = 500
_DOUBLED = "select count(*) from (select group_key from incident where state <> 3 group by group_key having count(*) > 1) doubled"


async def read(intake: "IntakeServiceAsyncStub", database_url: str, ledger: Ledger) -> Stored:
    connection = await connect_raw(database_url, SCHEMA)
    try:
        rows = [await connection.fetchval(f"select count(*) from {table}") for table in ("alert", "incident")]
        doubled = await connection.fetchval(_DOUBLED)
    finally:
        await connection.close()
    notes = {incident: await _notes(intake, incident) for incident in ledger.notes}
    return Stored(await _alerts(intake), await _incidents(intake), notes, rows[0], rows[1], doubled)


async def _alerts(intake: "IntakeServiceAsyncStub") -> list[alert_pb2.Alert]:
    found: list[alert_pb2.Alert] = []
    request = pb.ListAlertsRequest(page_size=_PAGE)
    while True:
        page = await intake.ListAlerts(request)
        found += page.alerts
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


async def _incidents(intake: "IntakeServiceAsyncStub") -> list[incident_pb2.Incident]:
    found: list[incident_pb2.Incident] = []
    request = pb.ListIncidentsRequest(page_size=_PAGE)
    while True:
        page = await intake.ListIncidents(request)
        found += page.incidents
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


async def _notes(intake: "IntakeServiceAsyncStub", incident: str) -> list[str]:
    found: list[str] = []
    request = pb.ListTimelineRequest(incident=incident, page_size=_PAGE)
    while True:
        page = await intake.ListTimeline(request)
        found += [each.text for each in page.entries if each.kind == incident_pb2.TIMELINE_KIND_NOTE]
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token
