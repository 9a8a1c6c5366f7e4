"""The budget policy in PostgreSQL: every version it ever had."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.triage.domain.budget_cause import BudgetCause
from services.triage.domain.budget_events import BudgetPolicyChanged
from services.triage.domain.budget_policy import BudgetEffect, BudgetPolicy, BudgetPolicyRevision, BudgetStep
from services.triage.domain.errors import BudgetPolicyRevisionNotFound
from services.triage.storage.budget_tables import budget_policy
from shared.errors import Conflict
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.principal import SYSTEM
from shared.storage.database import Database
from shared.storage.etags import check_etag, etag_of

_NAME = "budgetPolicy"
_LOCK = text("select pg_advisory_xact_lock(hashtextextended('budget_policy', 7102))")


class BudgetPolicyStore:
    """Versions of the budget policy; the first is `default`, stored when the policy is first looked at."""

    def __init__(self, database: Database, outbox: Outbox, default: BudgetPolicy) -> None:
        self._database = database
        self._outbox = outbox
        self._default = default

    async def newest(self, now: datetime) -> BudgetPolicyRevision:
        """Returns the newest version; makes the first one, dated `now`, when there is none."""
        async with self._database.transaction() as connection:
            found = await _newest(connection)
            if found is None:
                await connection.execute(_LOCK)
                found = await _newest(connection) or await self._make(
                    connection, BudgetPolicyRevision(1, self._default, SYSTEM, "The default.", now)
                )
        return found

    async def get(self, revision: int) -> BudgetPolicyRevision:
        """Raises BudgetPolicyRevisionNotFound."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(budget_policy).where(budget_policy.c.revision == revision))).first()
        if row is None:
            raise BudgetPolicyRevisionNotFound(revision)
        return _revision(row)

    async def page(self, query: PageQuery) -> Page[BudgetPolicyRevision]:
        """Returns a page of versions, newest first."""
        statement = select(budget_policy).order_by(budget_policy.c.revision.desc()).limit(query.limit)
        if query.cursor:
            statement = statement.where(budget_policy.c.revision < int(query.cursor[0]))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([_revision(row) for row in rows], [(str(row.revision),) for row in rows])

    async def replace(self, etag: str, made: BudgetPolicyRevision, *, validate_only: bool) -> BudgetPolicyRevision:
        """Makes `made` the newest version, with its event, or nothing; returns the newest when it already says the same.

        Raises Conflict when `etag` is not that of the version before it.
        """
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK)
            newest = await _newest(connection)
            assert newest is not None
            if not etag:
                raise Conflict(f"policy.etag: is empty; read the policy and send its etag, which is {etag_of(newest.revision)} now")
            check_etag(_NAME, newest.revision, etag)
            if newest.policy == made.policy:
                return newest
            return made if validate_only else await self._make(connection, made)

    async def _make(self, connection: AsyncConnection, made: BudgetPolicyRevision) -> BudgetPolicyRevision:
        values = {
            "revision": made.revision,
            "document": _document(made.policy),
            "author": made.author,
            "reason": made.reason,
            "created_at": made.create_time,
        }
        await connection.execute(insert(budget_policy).values(values))
        await self._outbox.record(connection, [BudgetPolicyChanged(made)])
        return made


async def _newest(connection: AsyncConnection) -> BudgetPolicyRevision | None:
    newest = select(func.max(budget_policy.c.revision)).scalar_subquery()
    row = (await connection.execute(select(budget_policy).where(budget_policy.c.revision == newest))).first()
    return None if row is None else _revision(row)


def _revision(row: Any) -> BudgetPolicyRevision:
    return BudgetPolicyRevision(row.revision, _policy(row.document), row.author, row.reason, row.created_at)


def _policy(document: dict[str, Any]) -> BudgetPolicy:
    return BudgetPolicy(tuple(_step(each) for each in document["steps"]), document["post_mortem_share"], document["planning_share"])


def _step(stored: dict[str, Any]) -> BudgetStep:
    return BudgetStep(
        name=stored["name"],
        effect=BudgetEffect[stored["effect"]],
        window=None if stored["window"] is None else timedelta(seconds=stored["window"]),
        burn=stored["burn"],
        remaining=stored["remaining"],
        effects={BudgetCause[cause]: BudgetEffect[effect] for cause, effect in stored["effects"]},
        reliability_share=stored["reliability_share"],
    )


def _document(policy: BudgetPolicy) -> dict[str, Any]:
    return {
        "steps": [
            {
                "name": each.name,
                "effect": each.effect.name,
                "window": None if each.window is None else each.window.total_seconds(),
                "burn": each.burn,
                "remaining": each.remaining,
                "effects": [[cause.name, effect.name] for cause, effect in each.effects.items()],
                "reliability_share": each.reliability_share,
            }
            for each in policy.steps
        ],
        "post_mortem_share": policy.post_mortem_share,
        "planning_share": policy.planning_share,
    }
