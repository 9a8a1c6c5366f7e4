"""Work records to protobuf and back, and what became of many."""

from datetime import UTC

from ballast.allocation.v1 import team_pb2
from ballast.allocation.v1 import work_service_pb2 as pb

from services.allocation.domain.quantity import hours
from services.allocation.domain.work import WorkClass, WorkRecord
from services.allocation.storage.work_store import WorkQuery
from shared.errors import BallastError, InvalidInput, Violation
from shared.rpc.shape import item_breaches_of
from shared.rpc.wellknown import time_to_pb


def record_from_pb(record: team_pb2.WorkRecord, team: str = "") -> WorkRecord:
    """Returns the record, of `team` where it names none."""
    return WorkRecord(
        name="",
        team=record.team or team,
        member=record.member,
        incident=record.incident,
        roadmap_item=record.roadmap_item,
        hours=hours(record.hours),
        worked_at=record.worked_at.ToDatetime(tzinfo=UTC),
        note=record.note,
        category=record.category,
    )


def record_to_pb(record: WorkRecord) -> team_pb2.WorkRecord:
    message = team_pb2.WorkRecord(
        name=record.name,
        team=record.team,
        member=record.member,
        hours=float(record.hours),
        worked_at=time_to_pb(record.worked_at),
        note=record.note,
        work_class=record.work_class.value if record.work_class else 0,  # type: ignore[arg-type]  # the numbers are the contract's
        reverses=record.reverses,
        replaces=record.replaces,
        correction_reason=record.correction_reason,
        author=record.author,
        is_corrected=record.is_corrected,
    )
    if record.incident:
        message.incident = record.incident
    elif record.roadmap_item:
        message.roadmap_item = record.roadmap_item
    else:
        message.category = record.category
    return message


def query_from_pb(team: str, chosen: team_pb2.WorkFilter) -> WorkQuery:
    classes = tuple(WorkClass(each) for each in chosen.work_classes)
    return WorkQuery(team, member=chosen.member, classes=classes, purpose=chosen.purpose)


def sifted(request: pb.ImportWorkRequest) -> tuple[list[tuple[int, WorkRecord]], dict[int, InvalidInput]]:
    """Returns the records that have the contract's shape, with their places, and what is wrong with the others."""
    good, refused = list[tuple[int, WorkRecord]](), dict[int, InvalidInput]()
    for place, record in enumerate(request.records):
        whole = team_pb2.WorkRecord()
        whole.CopyFrom(record)
        whole.team = record.team or request.team
        found = item_breaches_of(whole, f"records[{place}]")
        if not found and whole.team != request.team:
            rule = f"is {whole.team}, and the request is for {request.team}; send each team's records by themselves"
            found = [Violation(f"records[{place}].team", rule)]
        if found:
            refused[place] = InvalidInput(f"{found[0].field}: {found[0].description}", found)
        else:
            good.append((place, record_from_pb(whole)))
    return good, refused


def result_to_pb(place: int, found: WorkRecord | BallastError) -> pb.WorkResult:
    if isinstance(found, WorkRecord):
        return pb.WorkResult(index=place, record=record_to_pb(found))
    violation = found.violations[0] if isinstance(found, InvalidInput) and found.violations else None
    field = violation.field if violation else f"records[{place}]"
    return pb.WorkResult(
        index=place, error=pb.WorkError(reason=found.reason, field=field, description=violation.description if violation else found.message)
    )
