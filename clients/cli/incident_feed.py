"""Following incidents for as long as one likes: a lost connection is taken up again at the very place."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from ballast.intake.v1 import intake_service_pb2 as pb

from shared.errors import BallastError, InvalidInput, PermissionDenied, Unauthenticated

if TYPE_CHECKING:
    from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceAsyncStub  # exists for the type checker only

_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 5.0
# What another try would meet again.
_FINAL = (InvalidInput, Unauthenticated, PermissionDenied)


async def follow(
    intake: "IntakeServiceAsyncStub", resume_token: str, tell: Callable[[str], None]
) -> AsyncIterator[pb.WatchIncidentsResponse]:
    """Yields answers that carry an incident, without end. `tell` hears when the connection is lost and when it is back.

    Raises what the first connection raises: a server that was never there is no lost connection.
    """
    token, connected, lost, wait = resume_token, False, False, _FIRST_WAIT_SECONDS
    while True:
        try:
            async for response in intake.WatchIncidents(pb.WatchIncidentsRequest(resume_token=token)):
                if lost:
                    tell("connection is back; going on where it was lost")
                connected, lost, wait = True, False, _FIRST_WAIT_SECONDS
                token = response.resume_token
                if response.HasField("incident"):
                    yield response
            reason = "the server ended the stream"
        except _FINAL:
            raise
        except BallastError as error:
            if not connected:
                raise
            reason = error.message
        if not lost:
            tell(f"connection lost ({reason}); trying again until Ctrl-C, from resume token {token}")
        lost = True
        await asyncio.sleep(wait)
        wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
