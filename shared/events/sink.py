"""The receiving end: an event is applied once, in one transaction with the note that it was."""

from collections.abc import Awaitable, Callable, Mapping

from ballast.events.v1.event_sink_service_pb2 import DESCRIPTOR, DeliverRequest, DeliverResponse
from ballast.events.v1.event_sink_service_pb2_grpc import (
    EventSinkServiceServicer,
    add_EventSinkServiceServicer_to_server,
)
from sqlalchemy import MetaData, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import InvalidInput
from shared.events.event import Outcome, ReceivedEvent, received_event
from shared.principal import Principal, enter, leave
from shared.rpc.server import GrpcService
from shared.storage.database import Database
from shared.storage.tables import inbox_table

SERVICE = GrpcService(DESCRIPTOR.services_by_name["EventSinkService"], add_EventSinkServiceServicer_to_server)
EVERY_TYPE = "*"
Handler = Callable[[ReceivedEvent], Awaitable[Outcome]]
_TABLE = inbox_table(MetaData())


class EventSinkServicer(EventSinkServiceServicer):
    """Takes events for the handlers of one service, by type; a handler for `*` takes every type without one of its own.

    A handler changes state through the same Database, so that its change commits with the inbox, and says what it did. It must
    drop an event older than what it holds (STALE): order is not promised.
    """

    def __init__(self, database: Database, handlers: Mapping[str, Handler]) -> None:
        self._database = database
        self._handlers = dict(handlers)

    async def Deliver(self, request: DeliverRequest, context: object) -> DeliverResponse:
        del context
        events = [received_event(wire, f"batch.events[{index}]") for index, wire in enumerate(request.batch.events)]
        async with self._database.transaction() as connection:
            outcomes = [await self._take(connection, event) for event in events]
        return DeliverResponse(outcomes=[outcome.value for outcome in outcomes])  # type: ignore[misc]  # the numbers are the same

    async def _take(self, connection: AsyncConnection, event: ReceivedEvent) -> Outcome:
        handler = self._handlers.get(event.type) or self._handlers.get(EVERY_TYPE)
        if handler is None:
            return Outcome.IGNORED
        this = (_TABLE.c.source == event.source) & (_TABLE.c.id == event.id)
        statement = insert(_TABLE).values(source=event.source, id=event.id, outcome=Outcome.ACCEPTED)
        first = await connection.execute(statement.on_conflict_do_nothing().returning(_TABLE.c.id))
        if first.first() is None:
            return Outcome((await connection.execute(select(_TABLE.c.outcome).where(this))).scalar_one())
        # What follows from an event is done on behalf of whoever caused the event.
        token = enter(Principal(event.principal)) if event.principal else None
        try:
            outcome = await handler(event)
        except InvalidInput:
            raise
        except Exception as error:
            if (impossible := event.impossible()) is not None:
                raise impossible from error
            raise
        finally:
            if token is not None:
                leave(token)
        if outcome is not Outcome.ACCEPTED:
            await connection.execute(update(_TABLE).where(this).values(outcome=outcome))
        return outcome
