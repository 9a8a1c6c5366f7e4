"""The grouping rules in PostgreSQL: every revision they ever had, and what the rules in force did."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, cast, delete, func, select, text, tuple_, union_all
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.errors import GroupingRulesRevisionNotFound
from services.intake.domain.events import GroupingRulesChanged
from services.intake.domain.grouping_revision import GroupingRevision
from services.intake.domain.grouping_rule import GroupingRule, RuleSet
from services.intake.domain.grouping_trial import TriedAlert
from services.intake.domain.match_count import MatchCount
from services.intake.domain.rule_use import RuleUse
from services.intake.storage.grouping_rows import revision_from_row, revision_to_row, tried_from_row, use_from_row
from services.intake.storage.grouping_tables import grouping_rule_use, grouping_rules
from services.intake.storage.routing_tables import BUMP, RoutingKind
from services.intake.storage.tables import alert, alert_history
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.storage.database import Database
from shared.storage.etags import check_etag

_NAME = "groupingRules"
_LOCK = text("select pg_advisory_xact_lock(hashtextextended('grouping_rules', 7101))")


class GroupingStore:
    """Revisions of the rules, the newest in force."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def newest(self) -> GroupingRevision:
        """Returns the revision in force."""
        async with self._database.transaction() as connection:
            return await _newest(connection)

    async def get(self, revision: int) -> GroupingRevision:
        """Raises GroupingRulesRevisionNotFound."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(grouping_rules).where(grouping_rules.c.revision == revision))).first()
        if row is None:
            raise GroupingRulesRevisionNotFound(revision)
        return revision_from_row(row)

    async def page(self, query: PageQuery) -> Page[GroupingRevision]:
        """Returns a page of revisions, newest first."""
        statement = select(grouping_rules).order_by(grouping_rules.c.revision.desc()).limit(query.limit)
        if query.cursor:
            statement = statement.where(grouping_rules.c.revision < int(query.cursor[0]))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([revision_from_row(row) for row in rows], [(str(row.revision),) for row in rows])

    async def replace(self, etag: str, made: GroupingRevision, rules: Sequence[GroupingRule], *, validate_only: bool) -> GroupingRevision:
        """Puts `made`, whose rules are given, in force as the next revision, with its event, or does nothing.

        Returns the revision in force when it already has the same document. Raises Conflict when `etag` is not that of the revision
        in force. Its own number is given here: `made` says 0.
        """
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK)
            newest = await _newest(connection)
            check_etag(_NAME, newest.revision, etag)
            if newest.yaml == made.yaml:
                return newest
            numbered = GroupingRevision(newest.revision + 1, made.yaml, made.author, made.reason, made.restored, made.created_at)
            if not validate_only:
                await self._make(connection, numbered, rules)
        return numbered

    async def uses(self, rules: Sequence[GroupingRule]) -> Mapping[str, RuleUse]:
        """Returns what these rules did, by name; those never in force in this form are left out."""
        key = tuple_(grouping_rule_use.c.rule, grouping_rule_use.c.digest)
        statement = select(grouping_rule_use).where(key.in_([(rule.name, rule.digest) for rule in rules]))
        async with self._database.transaction() as connection:
            return {row.rule: use_from_row(row) for row in await connection.execute(statement)}

    async def add_uses(self, rules: RuleSet, counts: Sequence[MatchCount], now: datetime) -> None:
        """Adds what the rules did up to `now`. Not safe to repeat: it counts twice."""
        if not counts:
            return
        # In one order, so that replicas that write at once wait for each other instead of blocking each other for good.
        rows = sorted((_use_row(rules.rules[each.index], each, now) for each in counts), key=lambda row: str(row["rule"]))
        statement = insert(grouping_rule_use)
        new, old = statement.excluded, grouping_rule_use.c
        added = {
            "matched": old.matched + new.matched,
            "last_matched_at": func.greatest(old.last_matched_at, new.last_matched_at),
            "failed": old.failed + new.failed,
            "last_failed_at": func.greatest(old.last_failed_at, new.last_failed_at),
            "failure": func.coalesce(func.nullif(new.failure, ""), old.failure),
        }
        async with self._database.transaction() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=["rule", "digest"], set_=added), rows)

    async def last_alerts(self, count: int) -> list[TriedAlert]:
        """Returns the alerts that opened last, newest first, whether they are current or history."""
        halves = union_all(
            *(_tried(table).order_by(table.c.id.desc()).limit(count).subquery().select() for table in (alert, alert_history))
        )
        last = halves.subquery()
        async with self._database.transaction() as connection:
            rows = await connection.execute(select(last).order_by(last.c.id.desc()).limit(count))
            return [tried_from_row(row) for row in rows]

    async def _make(self, connection: AsyncConnection, made: GroupingRevision, rules: Sequence[GroupingRule]) -> None:
        await connection.execute(insert(grouping_rules).values(revision_to_row(made)))
        await connection.execute(BUMP, {"kind": RoutingKind.GROUPING})
        key = tuple_(grouping_rule_use.c.rule, grouping_rule_use.c.digest)
        await connection.execute(delete(grouping_rule_use).where(key.not_in([(rule.name, rule.digest) for rule in rules])))
        rows = [
            {"rule": rule.name, "digest": rule.digest, "since": made.created_at, "matched": 0, "failed": 0, "failure": ""} for rule in rules
        ]
        await connection.execute(insert(grouping_rule_use).on_conflict_do_nothing(), rows)
        await self._outbox.record(connection, [GroupingRulesChanged(made, tuple(rules))])


async def _newest(connection: AsyncConnection) -> GroupingRevision:
    newest = select(func.max(grouping_rules.c.revision)).scalar_subquery()
    return revision_from_row((await connection.execute(select(grouping_rules).where(grouping_rules.c.revision == newest))).one())


def _tried(table: Table) -> "Select[tuple[Any, ...]]":
    documents = (cast(table.c.labels, JSONB).label("labels"), cast(table.c.annotations, JSONB).label("annotations"))
    return select(table.c.id, table.c.fingerprint, table.c.source, table.c.starts_at, table.c.ends_at, *documents)


def _use_row(rule: GroupingRule, count: MatchCount, now: datetime) -> dict[str, object]:
    return {
        "rule": rule.name,
        "digest": rule.digest,
        "since": now,
        "matched": count.matched,
        "last_matched_at": now if count.matched else None,
        "failed": count.failed,
        "last_failed_at": now if count.failed else None,
        "failure": count.failure,
    }
