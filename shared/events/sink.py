"""The receiving end: an event is applied once, in one transaction with the note that it was."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from ballast.events.v1.event_sink_service_pb2 import DESCRIPTOR, DeliverRequest, DeliverResponse
from ballast.events.v1.event_sink_service_pb2_grpc import (
    EventSinkServiceServicer,
    add_EventSinkServiceServicer_to_server,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import InvalidInput
from shared.events import inbox
from shared.events.event import Outcome, ReceivedEvent, received_event
from shared.events.outbox import Headers, current_headers
from shared.principal import Principal, enter, leave
from shared.rpc.server import GrpcService
from shared.storage.database import Database
from shared.storage.group_commit import GroupCommit

SERVICE = GrpcService(DESCRIPTOR.services_by_name["EventSinkService"], add_EventSinkServiceServicer_to_server)
EVERY_TYPE = "*"
Handler = Callable[[ReceivedEvent], Awaitable[Outcome]]
_MOST_AT_ONCE = 100  # events in a group: some tens of milliseconds


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event, and what it leaves in those that follow from it: the trace of its delivery, and whoever caused it."""

    event: ReceivedEvent
    cause: Headers


GroupHandler = Callable[[Sequence[Arrival]], Awaitable[Sequence[Outcome]]]
"""Takes events that came together, of one call or of several: so who calls and the current trace are to be read from each alone."""


class EventSinkServicer(EventSinkServiceServicer):
    """Takes events for the handlers of one service, by type; a handler for `*` takes every type without one of its own.

    A handler changes state through the same Database, so that its change commits with the inbox, and says what it did. It must
    drop an event older than what it holds (STALE): order is not promised.

    Types in `grouped` come often. Calls with nothing else that come at the same time are taken in one transaction, by one call of the
    handler: what a transaction, a question and a statement cost is then shared. One that fails fails alone.
    """

    def __init__(self, database: Database, handlers: Mapping[str, Handler], grouped: Mapping[str, GroupHandler] | None = None) -> None:
        self._database = database
        self._handlers = dict(handlers)
        self._grouped = dict(grouped or {})
        self._group = GroupCommit(self._take_calls, len, most_weight=_MOST_AT_ONCE)

    async def Deliver(self, request: DeliverRequest, context: object) -> DeliverResponse:
        del context
        arrived = [_arrival(received_event(wire, f"batch.events[{index}]")) for index, wire in enumerate(request.batch.events)]
        if all(each.event.type in self._grouped for each in arrived):
            outcomes = await self._group.submit(arrived)
        else:
            (outcomes,) = await self._take_calls([arrived])
        return DeliverResponse(outcomes=[outcome.value for outcome in outcomes])  # type: ignore[misc]  # the numbers are the same

    async def _take_calls(self, calls: Sequence[Sequence[Arrival]]) -> list[Sequence[Outcome]]:
        """Takes the events of several calls in one transaction, and returns the outcomes for each."""
        async with self._database.transaction() as connection:
            outcomes = iter(await self._take(connection, [each for call in calls for each in call]))
        return [list(islice(outcomes, len(call))) for call in calls]

    async def _take(self, connection: AsyncConnection, arrived: Sequence[Arrival]) -> list[Outcome]:
        """Takes what is new, and returns the outcome of each event: of one taken before as it was then."""
        known = {_key(each.event): each for each in arrived if self._takes(each.event.type)}
        noted = await inbox.note(connection, known)
        new = [each for key, each in known.items() if key in noted]
        handled: dict[inbox.Key, Outcome] = {}
        for handler, group in self._by_handler(new):
            handled |= zip([_key(each.event) for each in group], await _given(handler, group), strict=True)
        await inbox.correct(connection, {key: outcome for key, outcome in handled.items() if outcome is not Outcome.ACCEPTED})
        if len(handled) < len(known):
            handled |= await inbox.outcomes(connection, known.keys() - handled.keys())
        return [handled.get(_key(each.event), Outcome.IGNORED) for each in arrived]

    def _takes(self, type_: str) -> bool:
        return type_ in self._grouped or type_ in self._handlers or EVERY_TYPE in self._handlers

    def _by_handler(self, arrived: Sequence[Arrival]) -> list[tuple[GroupHandler, list[Arrival]]]:
        """Returns who is to take which of the events: all that one takes in groups together, and the others one by one."""
        groups: dict[GroupHandler, list[Arrival]] = {}
        alone: list[tuple[GroupHandler, list[Arrival]]] = []
        for each in arrived:
            if each.event.type in self._grouped:
                groups.setdefault(self._grouped[each.event.type], []).append(each)
            else:
                alone.append((self._handle, [each]))
        return [*groups.items(), *alone]

    async def _handle(self, arrived: Sequence[Arrival]) -> list[Outcome]:
        """Gives events one by one to their handlers, on behalf of whoever caused them."""
        return [await self._handle_one(each.event) for each in arrived]

    async def _handle_one(self, event: ReceivedEvent) -> Outcome:
        handler = self._handlers.get(event.type) or self._handlers[EVERY_TYPE]
        token = enter(Principal(event.principal)) if event.principal else None
        try:
            return await handler(event)
        finally:
            if token is not None:
                leave(token)


async def _given(handler: GroupHandler, group: Sequence[Arrival]) -> Sequence[Outcome]:
    """Gives the group to its handler; where that fails on what no service can do anything with, says so, once and for all."""
    try:
        return await handler(group)
    except InvalidInput:
        raise
    except Exception as error:
        for each in group:
            if (impossible := each.event.impossible()) is not None:
                raise impossible from error
        raise


def _key(event: ReceivedEvent) -> inbox.Key:
    return event.source, event.id


def _arrival(event: ReceivedEvent) -> Arrival:
    cause = current_headers()
    return Arrival(event, cause | {"principal": event.principal} if event.principal else cause)
