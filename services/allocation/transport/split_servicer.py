"""The RPCs about the splits of all teams."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from ballast.allocation.v1 import split_service_pb2 as pb
from ballast.allocation.v1.split_service_pb2_grpc import SplitServiceServicer as Contract
from ballast.allocation.v1.split_service_pb2_grpc import add_SplitServiceServicer_to_server

from services.allocation.transport.convert import split_to_pb
from services.allocation.transport.split_watch import TYPES, SplitWatch
from services.allocation.usecases.splits import Splits
from shared.events.feed import Feed
from shared.paging import page_query
from shared.rpc.server import GrpcService

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["SplitService"], add_SplitServiceServicer_to_server)


class SplitServicer(Contract):
    """Parses, calls, answers."""

    def __init__(self, splits: Splits, feed: Feed) -> None:
        self._splits = splits
        self._feed = feed

    async def ListSplits(self, request: pb.ListSplitsRequest, context: object) -> pb.ListSplitsResponse:
        page = await self._splits.page(page_query(request.page_size, request.page_token, "ListSplits"))
        return pb.ListSplitsResponse(splits=[split_to_pb(each) for each in page.items], next_page_token=page.next_page_token)

    async def WatchSplits(self, request: pb.WatchSplitsRequest, context: object) -> AsyncIterator[pb.WatchSplitsResponse]:
        await self._splits.check(request.team)
        watch = SplitWatch(self._splits, request.team)
        async with aclosing(self._feed.follow(request.resume_token, TYPES)) as items:
            if not request.resume_token:
                # The feed's place is taken first: what changes while the present is told comes after it.
                first = await anext(items)
                async for present in watch.present():
                    yield present
                yield pb.WatchSplitsResponse(resume_token=first.resume_token)
            async for item in items:
                answer = await watch.answer(item)
                if answer is not None:
                    yield answer
