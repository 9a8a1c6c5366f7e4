"""Splits as they are read, to the contract's messages and back."""

from ballast.allocation.v1 import allocation_messages_pb2, split_pb2, team_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from services.allocation.domain.decision import Split
from services.allocation.domain.split_reading import SplitReading
from services.allocation.transport.convert import split_to_pb

_SECOND = 1_000_000


def split_to_bytes(split: Split) -> bytes:
    """Returns the split as it is told, and so cached: who reads it there has only to pass it on."""
    return split_to_pb(split).SerializeToString()


def most_age_from_pb(request: allocation_messages_pb2.GetSplitRequest) -> int | None:
    """Returns the staleness asked for in microseconds; None where nothing was said."""
    return request.max_staleness.ToMicroseconds() if request.HasField("max_staleness") else None


def reading_to_pb(reading: SplitReading) -> allocation_messages_pb2.GetSplitResponse:
    return allocation_messages_pb2.GetSplitResponse(
        split=team_pb2.Split.FromString(reading.document),
        freshness=split_pb2.SplitFreshness(
            source=reading.source.value,  # type: ignore[arg-type]
            as_of=Timestamp(seconds=reading.as_of // _SECOND, nanos=reading.as_of % _SECOND * 1000),
            age=Duration(seconds=reading.age // _SECOND, nanos=reading.age % _SECOND * 1000),
        ),
    )
