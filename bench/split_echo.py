"""The ceiling of GetSplit: a bare grpc.aio server that parses the request and answers with a split of the same size, made beforehand."""

import asyncio
import sys

import grpc
import uvloop
from ballast.allocation.v1 import allocation_messages_pb2 as pb
from ballast.allocation.v1 import split_pb2, team_pb2
from ballast.allocation.v1.allocation_service_pb2_grpc import AllocationServiceServicer, add_AllocationServiceServicer_to_server
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

_ANSWER = pb.GetSplitResponse(
    split=team_pb2.Split(
        team="teams/split-000",
        sprint="teams/split-000/sprints/1",
        remediation_share=0.333333,
        roadmap_share=0.666667,
        capacity_hours=120,
        remediation_hours=39.99996,
        roadmap_hours=80.00004,
        decision="decisions/00000000-0000-7000-8000-000000000000",
        policy="allocationPolicies/default",
        policy_revision=1,
        effective_at=Timestamp(seconds=1_770_000_000),
    ),
    freshness=split_pb2.SplitFreshness(
        source=split_pb2.SPLIT_SOURCE_CACHE, as_of=Timestamp(seconds=1_770_000_000, nanos=123_456_000), age=Duration(nanos=123_456_000)
    ),
)


class Echo(AllocationServiceServicer):  # answers one RPC only
    async def GetSplit(self, request: pb.GetSplitRequest, context: object) -> pb.GetSplitResponse:
        del request, context
        return _ANSWER


async def main() -> None:
    server = grpc.aio.server()
    add_AllocationServiceServicer_to_server(Echo(), server)  # type: ignore[abstract]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"echo serves on 127.0.0.1:{port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
