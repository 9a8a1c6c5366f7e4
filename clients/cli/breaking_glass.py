"""Acting at once on what waits for approval: the person who calls breaks the glass, and sees the amendment come in force."""

import asyncio
import uuid

from ballast.amendments.v1 import amendment_messages_pb2, amendment_pb2
from ballast.governance.v1 import approval_messages_pb2 as pb
from ballast.governance.v1 import approval_pb2

from clients.cli.amendment_services import Kept
from clients.cli.amendments_drawing import next_line
from clients.cli.session import Session
from shared.errors import BallastError

_PATIENCE_SECONDS = 10.0  # an event comes within milliseconds; the service looks by itself once a minute
_POLL_SECONDS = 0.1
_PROPOSED = amendment_pb2.AMENDMENT_STATE_PROPOSED


async def bring_in_force(session: Session, kept: Kept, reason: str) -> tuple[Kept, approval_pb2.Approval | None]:
    """Returns the amendment as it is once it waits for approvers no more, or after ten seconds, and the approval.

    Raises as BreakGlass does; the amendment then waits as it would have without, and that is said.
    """
    if kept.amendment.state != _PROPOSED:
        session.output.note("nobody else must agree, so there is no glass to break")
        return kept, None
    try:
        request = pb.BreakGlassRequest(request_id=str(uuid.uuid4()), name=kept.amendment.approval, reason=reason)
        approval = (await session.connection.approvals.BreakGlass(request)).approval
    except BallastError:
        session.output.note(f"{kept.amendment.name} {next_line(kept.amendment)}")
        raise
    return Kept(kept.service, await _settled(session, kept)), approval


async def _settled(session: Session, kept: Kept) -> amendment_pb2.Amendment:
    loop = asyncio.get_running_loop()
    end = loop.time() + _PATIENCE_SECONDS
    request = amendment_messages_pb2.GetAmendmentRequest(name=kept.amendment.name)
    while True:
        found = (await session.connection.amendments(kept.service).GetAmendment(request)).amendment
        if found.state != _PROPOSED:
            return found
        if loop.time() > end:
            session.output.note(f"the glass is broken; it comes in force within a minute: ballast amendments show {found.name}")
            return found
        await asyncio.sleep(_POLL_SECONDS)
