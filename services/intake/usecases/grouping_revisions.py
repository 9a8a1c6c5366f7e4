"""Changing the grouping rules: checking a document, trying it, putting it in force, and finding rules that do nothing."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.intake.domain.grouping import Grouping
from services.intake.domain.grouping_document import read_rules, rule_set
from services.intake.domain.grouping_revision import GroupingRevision
from services.intake.domain.grouping_rule import GroupingRule
from services.intake.domain.grouping_trial import Trial, TriedAlert, trial_of
from services.intake.domain.regrouping import Difference, difference
from services.intake.domain.rule_problem import RuleProblem, errors_of
from services.intake.domain.rule_use import UNUSED_FOR, RuleUse, UnusedRule, unused
from services.intake.storage.dependency_store import DependencyStore
from services.intake.storage.grouping_store import GroupingStore
from services.intake.usecases.grouping import GroupingRules
from shared.clock import Clock
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name

LAST_ALERTS = 1000


@dataclass(frozen=True, slots=True)
class DescribedRules:
    """A revision, the rules in it as they were read, and what each did, by name."""

    made: GroupingRevision
    rules: tuple[GroupingRule, ...]
    uses: Mapping[str, RuleUse]


@dataclass(frozen=True, slots=True)
class DryRun:
    """What the rules in force and others make of the same alerts, and how that differs."""

    alerts: Sequence[TriedAlert]
    before: Trial
    after: Trial
    difference: Difference
    warnings: tuple[RuleProblem, ...]


class GroupingRevisions:
    """The revisions of the grouping rules."""

    def __init__(self, store: GroupingStore, dependencies: DependencyStore, rules: GroupingRules, clock: Clock, grouping: Grouping) -> None:
        self._store = store
        self._dependencies = dependencies
        self._rules = rules
        self._clock = clock
        self._grouping = grouping

    async def get(self, revision: int) -> DescribedRules:
        """Returns a revision, the one in force for 0. Raises GroupingRulesRevisionNotFound."""
        return await self._described(await self._found(revision))

    async def page(self, paging: PageQuery) -> Page[GroupingRevision]:
        return await self._store.page(paging)

    def problems(self, text: str) -> tuple[RuleProblem, ...]:
        """Returns everything amiss with a document."""
        return read_rules(text, self._grouping.group_by).problems

    def check(self, text: str) -> None:
        """Raises GroupingRulesInvalid for a document that cannot come in force."""
        rule_set(text, 0, self._grouping.group_by)

    async def put(self, text: str, etag: str, author: str, reason: str, restored: int) -> GroupingRevision:
        """Puts a document in force on behalf of its author. Raises GroupingRulesInvalid, Conflict."""
        rules = rule_set(text, 0, self._grouping.group_by).rules
        made = GroupingRevision(0, text, author, reason, restored, self._clock.now())
        return await self._store.replace(etag, made, rules, validate_only=False)

    async def create(self, text: str, etag: str, reason: str, *, validate_only: bool) -> tuple[DescribedRules, tuple[RuleProblem, ...]]:
        """Puts a document in force on behalf of the caller; returns the rules in force then, and what was allowed but is not meant.

        Raises GroupingRulesInvalid, Conflict.
        """
        made = await self._put(text, 0, etag, reason, validate_only=validate_only)
        return made, self.problems(text)

    async def restore(self, revision: int, etag: str, reason: str, *, validate_only: bool) -> DescribedRules:
        """Puts an old document in force again. Raises GroupingRulesRevisionNotFound, GroupingRulesInvalid, Conflict."""
        old = await self._store.get(revision)
        return await self._put(old.yaml, revision, etag, reason, validate_only=validate_only)

    async def dry_run(self, text: str, revision: int, last: int) -> DryRun:
        """Tries a document, or that of a revision where one is given, on the last alerts.

        Raises GroupingRulesInvalid, GroupingRulesRevisionNotFound.
        """
        other = (await self._store.get(revision)).yaml if revision else text
        # Sets of their own: a trial's counts are not those of the rules in force.
        after = rule_set(other, revision, self._grouping.group_by)
        newest = await self._store.newest()
        before = rule_set(newest.yaml, newest.revision, self._grouping.group_by)
        alerts = await self._store.last_alerts(last or LAST_ALERTS)
        graph, label = await self._dependencies.graph(), self._grouping.component_label

        def run() -> tuple[Trial, Trial, Difference]:
            sides = trial_of(before, alerts, graph, label), trial_of(after, alerts, graph, label)
            return *sides, difference(sides[0].incidents, sides[1].incidents)

        # In a thread: ten thousand alerts take up to a second, in which reports must still get their receipts.
        return DryRun(alerts, *await asyncio.to_thread(run), self.problems(other))

    async def unused(self, unused_for: timedelta | None) -> tuple[tuple[UnusedRule, ...], Mapping[str, RuleUse]]:
        """Returns the rules in force that do nothing, and what each rule did."""
        described = await self.get(0)
        named = described.rules[:-1]
        return unused(named, described.uses, self._clock.now(), UNUSED_FOR if unused_for is None else unused_for), described.uses

    async def _found(self, revision: int) -> GroupingRevision:
        return await (self._store.get(revision) if revision else self._store.newest())

    async def _put(self, text: str, restored: int, etag: str, reason: str, *, validate_only: bool) -> DescribedRules:
        rules = rule_set(text, 0, self._grouping.group_by).rules
        made = GroupingRevision(0, text, current_principal_name(), reason, restored, self._clock.now())
        return await self._described(await self._store.replace(etag, made, rules, validate_only=validate_only))

    async def _described(self, made: GroupingRevision) -> DescribedRules:
        # As this version of the software reads it: an old document may hold what is refused today, and its rules then stay out.
        reading = read_rules(made.yaml, self._grouping.group_by)
        rules = () if errors_of(reading.problems) else rule_set(made.yaml, made.revision, self._grouping.group_by).rules
        await self._rules.flush()
        return DescribedRules(made, rules, await self._store.uses(rules))
