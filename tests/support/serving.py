"""One service served on port 0, for the length of a block."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from google.protobuf.descriptor import ServiceDescriptor

from shared.app import App
from shared.rpc.client import Channel, ClientCredentials, connect


@dataclass(frozen=True, slots=True)
class Served:
    """A running service and a connection to it; give `channel.grpc` to a generated stub."""

    app: App
    channel: Channel


@asynccontextmanager
async def serving(building: Awaitable[App], services: list[ServiceDescriptor], name: str = "ada") -> AsyncIterator[Served]:
    app = await building
    await app.start()
    await app.open({app.name: app.server.address})  # for a service that subscribes to itself
    channel = connect(app.server.address, services, credentials=ClientCredentials(local_name=name), deadline_seconds=15)
    try:
        yield Served(app, channel)
    finally:
        await channel.close()
        await app.stop()
