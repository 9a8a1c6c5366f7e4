"""The grouping rules in force, kept ready for the path of every alert, and the writing down of what they did."""

import asyncio

import structlog

from services.intake.domain.dependency import ComponentGraph
from services.intake.domain.errors import GroupingRulesInvalid
from services.intake.domain.grouping_document import EMPTY, rule_set
from services.intake.domain.grouping_rule import RuleSet
from services.intake.storage.dependency_store import DependencyStore
from services.intake.storage.grouping_store import GroupingStore
from shared.clock import Clock
from shared.errors import BallastError

_WRITE_SECONDS = 10.0
_log = structlog.get_logger(__name__)


class GroupingRules:
    """Rules and dependencies by their version: read again only when that moved on. For one event loop."""

    def __init__(self, store: GroupingStore, dependencies: DependencyStore, clock: Clock, group_by: tuple[str, ...]) -> None:
        """`group_by` is for the built-in rule, and for those that do not say."""
        self._store = store
        self._dependencies = dependencies
        self._clock = clock
        self._group_by = group_by
        self._rules: tuple[int, RuleSet] | None = None
        self._graph: tuple[int, ComponentGraph] | None = None
        # Sets whose counts may not be written yet: the one in use, and those it took the place of.
        self._counting: list[RuleSet] = []

    async def current(self, version: int) -> RuleSet:
        """Returns the rules in force at this version of `routing_version` `grouping`, as read in the transaction under way.

        Count what a rule took by `rules.counts.note(placement.rule.index, count)`.
        """
        if self._rules is None or self._rules[0] != version:
            self._rules = (version, await self._loaded())
            self._counting.append(self._rules[1])
        return self._rules[1]

    async def graph(self, version: int) -> ComponentGraph:
        """Returns who depends on whom at this version of `routing_version` `dependency`."""
        if self._graph is None or self._graph[0] != version:
            self._graph = (version, await self._dependencies.graph())
        return self._graph[1]

    async def of_revision(self, revision: int) -> RuleSet:
        """Returns the rules of a revision as they were, for explaining what they did. Raises GroupingRulesRevisionNotFound."""
        yaml = (await self._store.get(revision)).yaml if revision else EMPTY
        return rule_set(yaml, revision, self._group_by)

    async def write(self) -> None:
        """Writes down every ten seconds what the rules did, until it is cancelled; the last time then.

        What a crash leaves unwritten is lost: these are statistics, and no alert waits for them.
        """
        try:
            while True:
                await asyncio.sleep(_WRITE_SECONDS)
                await self._flush_quietly()
        finally:
            await self._flush_quietly()

    async def flush(self) -> None:
        """Writes down what the rules did in this process since the last time. Raises Unavailable; then it is kept for the next."""
        now = self._clock.now()
        counting, self._counting = self._counting, [self._rules[1]] if self._rules else []
        for rules in counting:
            taken = rules.counts.take()
            try:
                await self._store.add_uses(rules, taken, now)
            except BaseException:
                rules.counts.give_back(taken)
                self._counting += [each for each in counting if each not in self._counting]
                raise

    async def _loaded(self) -> RuleSet:
        newest = await self._store.newest()
        try:
            return rule_set(newest.yaml, newest.revision, self._group_by)
        except GroupingRulesInvalid as error:
            # Only a version of this software that is stricter than the one that took the document comes here. Alerts go on: by the
            # rules before, or by the built-in one.
            _log.error("the grouping rules in force cannot be read", revision=newest.revision, error=error.message)
            return self._rules[1] if self._rules else rule_set(EMPTY, newest.revision, self._group_by)

    async def _flush_quietly(self) -> None:
        try:
            await self.flush()
        except BallastError as error:
            _log.warning("what grouping rules did is written later", error=error.message)
