"""Approving: asking that others agree, agreeing, refusing, acting at once and answering for it; and whether something may be done."""

from dataclasses import replace
from datetime import datetime

from services.governance.domain.approval import Approval
from services.governance.domain.approval_life import REASONED, Act, Action, acted, opened, standing
from services.governance.domain.approval_request import ApprovalRequest
from services.governance.domain.approval_terms import terms_of
from services.governance.domain.approval_verdict import Claim, Verdict, verdict_on
from services.governance.domain.approver import Approvers, keys_held_by, keys_of, person_of
from services.governance.domain.errors import AuthorRefused, RequesterRefused
from services.governance.storage.approval_conditions import ApprovalQuery
from services.governance.storage.approval_store import ApprovalStore, Opened
from services.governance.usecases.rulebook import Rulebook
from shared.clock import Clock
from shared.errors import check_reason
from shared.ids import new_id
from shared.paging import Page, PageQuery
from shared.principal import EVERY_TEAM, Principal, current_principal

_REQUESTERS = Approvers(roles=("responder", "planner", "service"))
_SERVICE = f"service@{EVERY_TEAM}"
_BATCH = 200


class Approvals:
    """What people and services do with approvals; each act is on behalf of the caller."""

    def __init__(self, store: ApprovalStore, rulebook: Rulebook, clock: Clock) -> None:
        self._store = store
        self._rulebook = rulebook
        self._clock = clock

    async def request(self, asked: ApprovalRequest, *, validate_only: bool) -> Approval:
        """Opens an approval under the rule that applies, or breaks the glass at once. Raises what refuses it; then nothing is stored."""
        check_reason("reason", asked.reason)
        if asked.break_glass_reason:
            check_reason("break_glass_reason", asked.break_glass_reason)
        now, caller = self._clock.now(), current_principal()
        asked = _on_behalf(asked, caller)
        rules = await self._rulebook.in_force()
        first = opened(new_id(now), asked, terms_of(rules, asked), now)
        act = Act(Action.BREAK_GLASS, caller, asked.break_glass_reason)
        made = Opened(first, acted(first, act, now) if asked.break_glass_reason else ())
        if not validate_only:
            await self._store.add(made, now)
        return made.newest

    async def act(self, name: str, etag: str, act: Act) -> Approval:
        """Does what the caller does. Raises what the life of an approval refuses, ApprovalNotFound, Conflict, and for no reason given."""
        if act.action in REASONED:
            check_reason(REASONED[act.action], act.note)
        now = self._clock.now()
        return await self._store.change(name, etag, lambda before: acted(before, act, now))

    async def get(self, name: str) -> Approval:
        """Returns it as it stands now. Raises ApprovalNotFound."""
        return standing(await self._store.get(name), self._clock.now())

    async def page(self, query: ApprovalQuery, paging: PageQuery) -> Page[Approval]:
        now = self._clock.now()
        page = await self._store.page(query, now, paging)
        return replace(page, items=tuple(standing(each, now) for each in page.items))

    async def verify(self, claim: Claim) -> Verdict:
        """Says whether an approval in force covers the claim now."""
        now = self._clock.now()
        return verdict_on(claim, await self._store.nearest(claim, now), now)

    async def tick(self, now: datetime) -> None:
        """Tells what time has done since: escalations, expiries, reviews overdue. Safe to repeat: each is told once."""
        while await self._store.pass_time(now, _BATCH):
            pass


def _on_behalf(asked: ApprovalRequest, caller: Principal) -> ApprovalRequest:
    """Names who asks, and who wants it. Raises RequesterRefused, AuthorRefused."""
    keys = keys_held_by(caller)
    if not keys & keys_of(_REQUESTERS, asked.team, {}):
        raise RequesterRefused(caller.name, asked.team)
    if person_of(asked.author) in {"", person_of(caller.name)}:
        return replace(asked, author=caller.name, requester=caller.name)
    if _SERVICE not in keys:
        raise AuthorRefused(caller.name, asked.author)
    return replace(asked, requester=caller.name)
