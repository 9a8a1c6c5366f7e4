"""Keeping the approval rules: reading their versions, making new ones, trying them, and having the newest ready to be asked."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.governance.domain.approval_rule import RulesDocument, RulesRevision
from services.governance.domain.approval_rules import Rules, check_people, check_reasons, ready, rules_of
from services.governance.domain.approval_terms import RULES_KIND, RULES_SUBJECT, rule_of_change
from services.governance.domain.approval_trial import RuleTrial, try_rules
from services.governance.domain.approval_verdict import Claim, verdict_on
from services.governance.domain.errors import RulesApprovalMissing
from services.governance.domain.events import ApprovalRulesChanged
from services.governance.storage.approval_store import ApprovalStore
from services.governance.storage.rules_digest import digest_of_change
from shared.clock import Clock
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name
from shared.revisions import RevisionStore


@dataclass(frozen=True, slots=True)
class WantedRules:
    """What is said with new rules: the version they replace, why, and the approval of it; empty for whichever there is."""

    etag: str
    reason: str
    approval: str = ""


@dataclass(frozen=True, slots=True)
class RulesUpdate:
    """A version that was made, or would be; the digest of making it, and the rule that wants others to agree, empty for none."""

    rules: RulesRevision
    digest: str
    rule: str


class Rulebook:
    """The versions of the approval rules."""

    def __init__(self, store: RevisionStore[RulesDocument], approvals: ApprovalStore, clock: Clock) -> None:
        self._store = store
        self._approvals = approvals
        self._clock = clock
        self._ready: Rules | None = None

    async def newest(self) -> RulesRevision:
        return await self._store.newest(self._clock.now())

    async def in_force(self) -> Rules:
        """Returns the newest version ready to be asked; compiled once."""
        newest = await self.newest()
        if self._ready is None or self._ready.revision != newest.revision:
            self._ready = ready(newest.revision, newest.document)
        return self._ready

    async def get(self, revision: int) -> RulesRevision:
        """Returns a version, the newest for 0. Raises ApprovalRulesRevisionNotFound."""
        newest = await self.newest()
        return newest if revision in {0, newest.revision} else await self._store.get(revision)

    async def page(self, paging: PageQuery) -> Page[RulesRevision]:
        await self.newest()
        return await self._store.page(paging)

    async def update(self, document: RulesDocument, wanted: WantedRules, *, validate_only: bool) -> RulesUpdate:
        """Makes a new version on behalf of the caller; what would be made, when only to be validated.

        Raises ApprovalRulesRefused, Conflict, and RulesApprovalMissing where the rules in force want others to agree, and they have not.
        """
        now, author, in_force = self._clock.now(), current_principal_name(), await self.in_force()
        check_people(document)
        rules_of(in_force.revision + 1, document)
        check_reasons(document)
        made = RulesRevision(in_force.revision + 1, document, author, wanted.reason, now)
        foreseen = RulesUpdate(
            await self._store.replace(wanted.etag, made, validate_only=True),
            digest_of_change(in_force.revision, document),
            rule_of_change(in_force, author),
        )
        if validate_only or foreseen.rules.revision == in_force.revision:
            return foreseen
        event = ApprovalRulesChanged(made, await self._agreed(foreseen, wanted.approval, in_force.revision, now) if foreseen.rule else "")
        return replace(foreseen, rules=await self._store.replace(wanted.etag, made, validate_only=False, event=event))

    async def _agreed(self, wanted: RulesUpdate, approval: str, in_force: int, now: datetime) -> str:
        """Returns the approval by which exactly this may be done now. Raises RulesApprovalMissing.

        One for no single team: else the approvers of any team could change the rules of all.
        """
        claim = Claim(RULES_KIND, RULES_SUBJECT, wanted.digest, team="", approval=approval)
        verdict = verdict_on(claim, await self._approvals.nearest(claim, now), now)
        found = verdict.approval
        if verdict.reason is not None or found is None:
            raise RulesApprovalMissing(wanted.rule, claim.digest, verdict.reason or "", verdict.detail)
        if found.rules_revision != in_force:
            # Asked for ahead, under rules that may have been milder than those that it is to change.
            raise RulesApprovalMissing(wanted.rule, claim.digest, "RULES_CHANGED", f"{found.name} stands under older rules; ask anew")
        return found.name

    async def dry_run(self, document: RulesDocument, count: int) -> RuleTrial:
        """Asks rules that need not be stored about the latest approvals. Raises ApprovalRulesRefused."""
        check_people(document)
        return try_rules(rules_of(0, document), await self._approvals.latest(count))
