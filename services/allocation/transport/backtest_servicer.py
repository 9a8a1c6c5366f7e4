"""The RPC of back-tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from ballast.allocation.v1 import backtest_service_pb2 as pb
from ballast.allocation.v1.backtest_service_pb2_grpc import BacktestServiceServicer, add_BacktestServiceServicer_to_server

from services.allocation.domain.backtest import Backtest
from services.allocation.transport import backtest_convert as convert
from services.allocation.usecases.backtests import Backtests, Progress
from shared.progress import told
from shared.rpc.server import GrpcService

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["BacktestService"], add_BacktestServiceServicer_to_server)


class BacktestServicer(BacktestServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, backtests: Backtests) -> None:
        self._backtests = backtests

    async def BacktestPolicy(self, request: pb.BacktestPolicyRequest, context: object) -> AsyncIterator[pb.BacktestPolicyResponse]:
        asked = await asyncio.to_thread(convert.asked_from_pb, request)  # megabytes, where pasts are brought along

        async def work(tell: Callable[[Progress | Backtest], None]) -> Progress | Backtest:
            return await self._backtests.run(asked, tell)

        async with aclosing(told(work)) as states:  # type: ignore[type-var]  # an async generator by another name
            async for state in states:
                yield convert.response_to_pb(state, request)
