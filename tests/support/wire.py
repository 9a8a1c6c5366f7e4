"""gRPC as any other client speaks it, without anything of ours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status

from shared.rpc.status import DETAILS_KEY


@asynccontextmanager
async def plain_channel(address: str) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(address) as channel:
        yield channel


async def call_with_bytes(channel: grpc.aio.Channel, path: str, body: bytes, **options: Any) -> bytes:
    """Sends bytes as they are to the RPC at `path`, and returns the bytes of the answer."""
    call = channel.unary_unary(path, request_serializer=None, response_deserializer=None)
    answer: bytes = await call(body, **options)
    return answer


def status_of_error(error: grpc.aio.AioRpcError) -> Status:
    """Reads the details a server sent with an error; fails when it sent none."""
    metadata: Any = error.trailing_metadata() or ()
    return Status.FromString(dict(metadata)[DETAILS_KEY])


def info_of(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    """Reads the first detail, which is always the ErrorInfo."""
    info = error_details_pb2.ErrorInfo()
    assert status_of_error(error).details[0].Unpack(info)
    return info
