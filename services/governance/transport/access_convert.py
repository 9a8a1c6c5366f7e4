"""Accesses from the events that tell them, and to protobuf."""

from datetime import UTC

import structlog
from ballast.events.v1.access_observed_pb2 import AccessObserved, AccessRow
from ballast.governance.v1 import access_log_service_pb2 as pb
from google.protobuf.message import DecodeError

from services.governance.domain.access import Access, AccessFilter, AccessKey, AccessOutcome, SeenPrincipal
from shared.errors import InvalidInput
from shared.events.event import ReceivedEvent
from shared.rpc.wellknown import time_from_pb, time_to_pb

_LONGEST = 256  # characters; a service tells no longer ones
_MOST = 2**53  # calls in one row: sums of such stay below what a column holds
_log = structlog.get_logger(__name__)


def accesses_from_event(event: ReceivedEvent) -> tuple[Access, ...]:
    """Returns what the event tells of calls; nothing for other types, and a warning for what cannot be read: it is recorded anyway."""
    if event.type != AccessObserved.DESCRIPTOR.full_name:
        return ()
    try:
        return tuple(_access_from_pb(event.source, row) for row in event.unpack(AccessObserved).rows if row.count > 0)
    except (InvalidInput, DecodeError, ValueError, OverflowError) as error:
        _log.warning("an access log cannot be read", event_id=event.id, source=event.source, error=str(error))
        return ()


def _access_from_pb(source: str, row: AccessRow) -> Access:
    first, last = (getattr(row, name).ToDatetime(tzinfo=UTC) for name in ("first_time", "last_time"))
    key = AccessKey(*(_text(each) for each in (source, row.principal, row.method, row.code, row.reason, row.peer)))
    return Access(key, _text(row.role), min(row.count, _MOST), min(first, last), last, _text(row.last_trace_id))


def _text(value: str) -> str:
    return value[:_LONGEST].replace("\0", "")


def filter_from_pb(given: pb.AccessFilter) -> AccessFilter:
    """Raises TimeRangeEmpty."""
    outcome = AccessOutcome(pb.AccessOutcome.Name(given.outcome).removeprefix("ACCESS_OUTCOME_").replace("UNSPECIFIED", "ANY"))
    begin, end = time_from_pb(given, "begin_time"), time_from_pb(given, "end_time")
    return AccessFilter(given.principal, given.method, given.source, outcome, begin, end)


def access_to_pb(access: Access) -> pb.Access:
    key = access.key
    return pb.Access(
        source=key.source,
        principal=key.principal,
        method=key.method,
        role=access.role,
        code=key.code,
        reason=key.reason,
        peer=key.peer,
        count=access.count,
        first_time=time_to_pb(access.first),
        last_time=time_to_pb(access.last),
        last_trace_id=access.trace_id,
    )


def principal_to_pb(seen: SeenPrincipal) -> pb.SeenPrincipal:
    return pb.SeenPrincipal(
        name=seen.name,
        roles=seen.roles,
        sources=seen.sources,
        call_count=seen.call_count,
        denied_count=seen.denied_count,
        first_time=time_to_pb(seen.first),
        last_time=time_to_pb(seen.last),
    )
