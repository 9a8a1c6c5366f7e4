"""Proposals: asking approvers, and bringing on what they decided."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog

from services.allocation.domain.decision import Decision
from services.allocation.domain.digest import digest_of
from services.allocation.domain.proposal import in_force
from services.allocation.domain.standing import Occurrence, Standing
from services.allocation.storage.decision_store import DecisionStore
from shared.approvals.client import ApprovalClient
from shared.approvals.petition import Claim, Petition, Verdict
from shared.clock import Clock
from shared.errors import BallastError, Unavailable
from shared.ids import uuid_of

KIND = "decision"
_log = structlog.get_logger(__name__)
# By the reason of governance's verdict; what is not here goes on waiting.
_OCCURRENCES = {
    "APPROVAL_REJECTED": Occurrence.REFUSED,
    "APPROVAL_EXPIRED": Occurrence.EXPIRED,
    "APPROVAL_WITHDRAWN": Occurrence.EXPIRED,
    "APPROVAL_MISSING": Occurrence.EXPIRED,
    "DIGEST_CHANGED": Occurrence.EXPIRED,
}


class Proposals:
    """Decisions that wait for approvers. They are stored before anybody is asked, so that no crash loses one."""

    def __init__(self, store: DecisionStore, approvals: ApprovalClient, petition: Callable[[Decision], Petition], clock: Clock) -> None:
        self._store = store
        self._approvals = approvals
        self._petition = petition
        self._clock = clock

    def made(self, decision: Decision, lapsed: Decision | None, *, ask: bool) -> None:
        """To be called in the transaction that stores a decision: once it is committed, approvers are asked about it if they must be, and
        no longer about the one that lapsed with it. What is not asked then is asked by the tick."""
        if ask and decision.standing.waits:
            self._store.after_commit(partial(self._try, decision))
        self._over(lapsed)

    async def tick(self, now: datetime) -> None:
        """Asks about what was not asked yet, and looks at all that wait, for what was not told. Stops where governance is away."""
        for decision in await self._store.waiting():
            try:
                await self._bring_on(decision, now)
            except Unavailable as error:
                _log.warning("decisions wait: governance is away", decision=decision.name, error=str(error))
                return
            except BallastError as error:
                _log.warning("a decision waits", decision=decision.name, reason=error.reason, error=str(error))

    async def hear(self, approval: str, now: datetime) -> bool:
        """Looks at what waits for an approval; returns whether anything did. Safe to repeat: it asks governance, not the message."""
        found = await self._store.waiting(approval)
        for decision in found:
            await self._bring_on(decision, now)
        return bool(found)

    async def _try(self, decision: Decision) -> None:
        try:
            await self._bring_on(decision, self._clock.now())
        except BallastError as error:
            _log.warning("approvers are asked later", decision=decision.name, reason=error.reason, error=str(error))

    async def _bring_on(self, decision: Decision, now: datetime) -> None:
        """Asks where nobody did; else does what governance says. Raises Unavailable where it is away: then all stays as it was."""
        await (self._judge(decision, now) if decision.standing.approval else self._ask(decision, now))

    async def _ask(self, decision: Decision, now: datetime) -> None:
        """The call is made outside of any transaction, and made again after a crash: for governance it is the same."""
        try:
            asked = await self._approvals.ask_or_find(self._petition(decision))
        except Unavailable:
            raise
        except BallastError as error:
            await self._tell(decision, now, f"Governance takes no request for its approval: {error.message}")
            raise
        told = await self._tell(decision, now, f"Waits for approvers: {asked.approval}.", asked.approval, asked.requester)
        if not told.standing.waits:  # it lapsed while they were asked
            await self._approvals.take_back(asked.approval, told.standing.reason)

    async def _tell(self, decision: Decision, now: datetime, reason: str, approval: str = "", requester: str = "") -> Decision:
        """Notes what it waits for; returns it as it stands, which is no longer to wait where something ended it meanwhile."""
        async with self._store.deciding(decision.team, now) as turn:
            held = await turn.read(_id(decision))
            if held.standing.waits:
                after = replace(held, standing=held.standing.told(reason, approval, requester))
                await turn.move(held, after)
                return after
        return held

    async def _judge(self, decision: Decision, now: datetime) -> None:
        """Asks governance in the turn in which it comes in force: what is stopped before then does not."""
        async with self._store.deciding(decision.team, now) as turn:
            held = await turn.read(_id(decision))
            if not held.standing.waits:
                return
            verdict = await self._approvals.verdict(_claim(held))
            if verdict.in_force:
                after = in_force(held, turn.situation, f"Others agreed: {held.standing.approval}.", now)
                await turn.move(held, after)
                self._over(after if after.standing.in_force_at is None else None)
            else:
                await turn.move(held, replace(held, standing=_after(held, verdict, now)))

    def _over(self, lapsed: Decision | None) -> None:
        if lapsed is not None and lapsed.standing.approval:
            self._store.after_commit(partial(self._approvals.take_back, lapsed.standing.approval, lapsed.standing.reason))


def _after(held: Decision, verdict: Verdict, now: datetime) -> Standing:
    occurrence = _OCCURRENCES.get(verdict.reason)
    if occurrence is None:
        pending = verdict.reason == "APPROVAL_PENDING"
        return held.standing if pending else held.standing.told(verdict.detail)
    return held.standing.after(occurrence, verdict.detail, now)


def _claim(held: Decision) -> Claim:
    return Claim(KIND, held.name, digest_of(held), held.team, held.standing.approval, held.standing.requester)


def _id(decision: Decision) -> UUID:
    return uuid_of(decision.name)
